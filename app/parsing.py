"""Request bodies: JSON that every database can store, or a clear refusal."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from flask import Request
from marshmallow import Schema
from webargs.core import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

_DEEPEST = 32


class JsonParser(FlaskParser):
    """Loads bodies strictly: the right content type, RFC 8259 JSON, bounded depth, text that can be stored.

    A query parameter that the schema does not know is refused, unless its `Meta.unknown` says otherwise: a filter with
    a slip of the pen would narrow nothing.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": None}

    def load_json(self, req: Request, schema: Schema) -> Any:  # noqa: ARG002
        """Return the parsed body, or webargs' `missing` when there is none.

        Raises UnsupportedMediaType (415) or BadRequest (400).
        """
        body = req.get_data(cache=True)
        if not body:
            return missing
        if not req.is_json:
            raise UnsupportedMediaType("Send the body as JSON, with `Content-Type: application/json`.")
        try:
            value = json.loads(body.decode(), parse_constant=_refuse_constant)
        except RecursionError as error:
            raise BadRequest("The body nests too deeply.") from error
        except ValueError as error:
            raise BadRequest(f"The body is not valid JSON: {error}.") from error
        _check(value)
        return value

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """Return the query; raises BadRequest (400) for text that cannot be stored."""
        for name, value in req.args.items(multi=True):
            _check(name)
            _check(value)
        return super().load_querystring(req, schema)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _check(value: Any, depth: int = 0) -> None:
    """Refuse what parses as JSON, but that PostgreSQL cannot keep or that cannot be sent back."""
    if depth > _DEEPEST:
        raise BadRequest(f"The body nests deeper than {_DEEPEST} levels.")
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise BadRequest("A text of the request holds a NUL or half a surrogate pair.")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise BadRequest("A number of the body is too large.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
