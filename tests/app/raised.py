"""What a view can raise, read from its source and from that of all that it calls, as far as names lead."""

import ast
import functools
import inspect
import re
import textwrap
import types

from werkzeug.local import LocalProxy

from core import errors, storage

_OURS = ("app.", "core.", "pipelines.")
_known = {}
_IN_DOCS = re.compile(r"(\w+(?:Error|Missing))((?:,? `[a-z_]+`)+)")


def raised(function):
    """Return pairs of an error's class and its code; what a caller catches is not among them."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not isinstance(function, types.FunctionType) or not function.__module__.startswith(_OURS):
        return set()
    if function not in _known:
        # Who calls itself raises nothing more by that.
        _known[function] = set()
        source = _source(function)
        names = function.__globals__ | inspect.getclosurevars(function).nonlocals
        _known[function] = _in_docs(function.__doc__ or "") | _in(source.body if source else [], names)
    return _known[function]


def _source(function):
    try:
        [tree] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, SyntaxError, ValueError):
        return None
    return tree if isinstance(tree, ast.FunctionDef) else None


def _in_docs(text):
    """What a docstring says after `raises`, class and codes."""
    _, _, told = text.partition("aises")
    found = {(_class(name), code) for name, codes in _IN_DOCS.findall(told) for code in re.findall(r"`(\w+)`", codes)}
    return {(kind, code) for kind, code in found if kind}


def _class(name):
    return getattr(errors, name, None) or getattr(storage, name, None)


def _in(nodes, names):
    found = set()
    for node in nodes:
        if isinstance(node, ast.Try):
            found |= _uncaught(_in(node.body, names), node.handlers, names)
            found |= _in([*node.orelse, *node.finalbody, *node.handlers], names)
            continue
        if isinstance(node, ast.Call):
            kind = _resolve(node.func, names)
            if isinstance(kind, type) and issubclass(kind, errors.CutworkError) and node.args:
                code = node.args[0]
                found |= {(kind, code.value)} if isinstance(code, ast.Constant) else set()
        if isinstance(node, ast.Name | ast.Attribute):
            called = _resolve(node, names)
            if not isinstance(called, type):
                found |= raised(called)
        found |= _in(ast.iter_child_nodes(node), names)
    return found


def _uncaught(found, handlers, names):
    for handler in handlers:
        kinds = _kinds(handler.type, names)
        if not any(isinstance(node, ast.Raise) and _passes_on(node) for node in ast.walk(handler)):
            found = {(kind, code) for kind, code in found if not issubclass(kind, kinds)}
    return found


def _passes_on(node):
    """Whether it raises what was caught, or something else with its code."""
    return node.exc is None or "error.code" in ast.unparse(node.exc)


def _kinds(node, names):
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return tuple(kind for kind in (_resolve(part, names) for part in parts) if isinstance(kind, type))


def _resolve(node, names):
    if isinstance(node, ast.Name):
        known = names.get(node.id)
        # Flask's `request` is nothing outside of one.
        return None if type(known) is LocalProxy else known
    if isinstance(node, ast.Attribute):
        base = _resolve(node.value, names)
        return getattr(base, node.attr, None) if isinstance(base, types.ModuleType | type) else None
    if isinstance(node, ast.Call):
        made = _resolve(node.func, names)
        if isinstance(made, types.FunctionType):
            return made.__globals__.get(made.__annotations__.get("return"))
        return made if isinstance(made, type) else None
    return None
