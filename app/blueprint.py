"""flask-smorest with types: the decorators of a view are its contract, in code and in the OpenAPI document."""

from __future__ import annotations

import http
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import flask_smorest
from flask import request
from marshmallow import Schema
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from app import contract, examples
from app.errors import CONTENT_TYPE, http_error
from app.idempotency import PARAMETER, idempotent
from app.limits import FREE
from app.parsing import JsonParser
from app.schemas.listing import PageQuery
from app.schemas.problem import ProblemSchema
from app.security import PUBLIC, Needs, declare
from core.errors import NotFoundError
from pipelines.registry import PIPELINES

Shape = type[Schema] | Mapping[str, str]
View = TypeVar("View", bound=Callable[..., Any])
ID_PATTERN = "{prefix}_[0-9a-z]{{26}}"
_PREFIXES = {"asset_id": "ast", "job_id": "job", "upload_id": "upl"} | {
    "key_id": "key",
    "user_id": "usr",
    "invitation_id": "inv",
    "webhook_id": "whk",
    "delivery_id": "whd",
    "brand_kit_id": "kit",
}


class JobConverter(BaseConverter):
    """A job's id in a path: not the name of a pipeline, whose own path has other methods."""

    part_isolating = True
    regex = rf"(?!(?:{'|'.join(PIPELINES)})$)[^/]+"


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The OpenAPI document; errors are documented as what they are, problems."""

    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Any:
        """Answer with a problem."""
        return http_error(error)

    @declare(PUBLIC)
    def _openapi_json(self) -> Any:
        return super()._openapi_json()

    def _register_responses(self) -> None:
        content = {CONTENT_TYPE: {"schema": ProblemSchema}}
        for status in http.HTTPStatus:
            self.spec.components.response(status.name, {"description": status.phrase, "content": content}, lazy=True)
        default = {"description": "Any other error", "content": content}
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, default, lazy=True)


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A resource. The name of a view is its `operationId`; the docstring is its summary."""

    ARGUMENTS_PARSER = JsonParser()

    def route(self, rule: str, *, needs: str | Needs, method: str = "GET") -> Callable[[View], View]:
        """Register a view for one method of a path; `needs` is a scope, or one of the values of `app.security`."""

        def decorate(view: View) -> View:
            self.add_operation(rule, view, needs=needs, method=method)
            return view

        return decorate

    def add_operation(
        self, rule: str, view: Callable[..., Any], *, needs: str | Needs, method: str, name: str | None = None
    ) -> None:
        """Register a view under a name of its own, for views that are made in a loop."""
        operation = name or view.__name__
        declared = Needs(scope=needs) if isinstance(needs, str) else needs
        ids = [found for found in re.findall(r"<(\w+)>", rule) if found in _PREFIXES]
        for codes in contract.codes_of_all(declared, ids, counted=self.name not in FREE):
            view = contract.tell(view, codes)
        told = {"operationId": operation, "security": declared.security()}
        documented = declare(declared)(self.doc(**told, responses=contract.responses(contract.codes_of(view)))(view))
        self.add_url_rule(
            rule.replace("<job_id>", "<job:job_id>"),
            operation,
            documented,
            methods=[method],
            parameters=[_id_parameter(found) for found in ids],
        )

    def arguments(self, schema: type[Schema], *, location: str = "json", **options: Any) -> Callable[[View], View]:
        """Load the body (or the query) with a schema and pass it to the view.

        A body of which no field is needed may be left out, and the document says so.
        """
        options.setdefault("required", any(field.required for field in schema().fields.values()))
        if location == "json":
            options.setdefault("example", examples.request(schema))
        loads = super().arguments(schema, location=location, **options)
        paged = contract.PAGE if issubclass(schema, PageQuery) else {}

        def decorate(view: View) -> View:
            known = contract.BODY if location == "json" else contract.QUERY
            return contract.tell(contract.tell(cast(View, loads(view)), known), paged)

        return decorate

    def response(self, status: int, schema: Shape | None = None, **options: Any) -> Callable[[View], View]:
        """Serialise what the view returns."""
        _show(schema, options)
        return cast(Callable[[View], View], super().response(status, schema, **options))

    def alt_response(self, status: int, *, schema: Shape, **options: Any) -> Callable[[View], View]:
        """Document another good answer, which the view builds itself."""
        _show(schema, options)
        return cast(Callable[[View], View], super().alt_response(status, schema=schema, success=True, **options))

    def doc(self, **fields: Any) -> Callable[[View], View]:
        """Add to the operation's entry in the OpenAPI document."""
        return cast(Callable[[View], View], super().doc(**fields))

    def idempotent(self, view: View) -> View:
        """Let clients send an `Idempotency-Key`; to stand above all that reads the request and makes the answer."""
        return self.doc(parameters=[PARAMETER])(contract.tell(idempotent(view), contract.ONCE))

    def problems(self, status: int, *codes: str) -> Callable[[View], View]:
        """Document codes of problems that the view answers with, besides those that its other decorators bring along.

        Those are: of tokens and limits, of the ids in its path, of its body, query and page, and the database's.
        """
        return lambda view: contract.tell(view, {status: codes})

    def job_problems(self, view: View) -> View:
        """Document what starting a job may answer."""
        return contract.tell(view, contract.JOB)


def refuse_malformed_ids() -> None:
    """Answer 404 for an id that cannot be one, before it reaches a query; raises NotFoundError `…_not_found`."""
    for name, value in (request.view_args or {}).items():
        prefix = _PREFIXES.get(name)
        if prefix and not re.fullmatch(ID_PATTERN.format(prefix=prefix), value):
            noun = name.removesuffix("_id")
            raise NotFoundError(f"{noun}_not_found", f"There is no {noun} of that id.")


def _show(schema: Shape | None, options: dict[str, Any]) -> None:
    if isinstance(schema, type):
        options.setdefault("example", examples.answer(schema))


def _id_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": f"^{ID_PATTERN.format(prefix=_PREFIXES[name])}$"}
    return {"in": "path", "name": name, "required": True, "schema": schema}
