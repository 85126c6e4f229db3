"""Times and other values of requests, as marshmallow fields that OpenAPI can show."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from marshmallow import ValidationError, fields, validate

from core.errors import InputError
from core.timecode import format_time, parse_time

ASSET_ID = r"^ast_[0-9a-z]{26}$"


class WholeRegexp(validate.Regexp):
    """A regular expression that a text matches as a whole.

    Written as `^…$`, since OpenAPI shows the pattern and reads it as JavaScript does; Python's own `$` would let a
    final newline through.
    """

    def __call__(self, value: Any) -> Any:
        """Return the value; raises ValidationError when it does not match."""
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


_LONGEST_NUMBER = 64
_LONGEST_EXPONENT = 32


def decimal(text: str) -> Decimal:
    """Return the number that a text of the request is.

    Its exponent is bounded: made into a fraction, `1e-9999999` or `0e9999999` would be a number of millions of digits.

    Raises:
        ValidationError: it is none, or is not finite, or has far more digits than anybody needs.
    """
    if len(text) > _LONGEST_NUMBER:
        raise ValidationError("Not a number of a few digits.")
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise ValidationError("Not a number.") from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValidationError("Not a number.")
    if abs(exponent) > _LONGEST_EXPONENT:
        raise ValidationError("Not a number of a few digits.")
    return number


class Time(fields.Field[str]):
    """Seconds: a number, a decimal string, or `HH:MM:SS.mmm`; becomes a decimal string in normal form."""

    def __init__(self, *, above: str | None = None, most: str | None = None, **options: Any) -> None:
        options.setdefault(
            "metadata", {"description": "Seconds as a number or string, or HH:MM:SS.mmm.", "example": "900.5"}
        )
        super().__init__(**options)
        self._above = above
        self._most = most

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise ValidationError("Not a time.")
        try:
            seconds = parse_time(value)
        except InputError as error:
            raise ValidationError(error.message) from error
        if self._above is not None and seconds <= Fraction(self._above):
            raise ValidationError(f"Must be more than {self._above} s.")
        if self._most is not None and seconds > Fraction(self._most):
            raise ValidationError(f"Must be at most {self._most} s.")
        return format_time(seconds, places=9)


class Share(fields.Field[str]):
    """A share of one (0 to 1), as a number or decimal string; becomes a decimal string in normal form."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        share = decimal(str(value))
        if isinstance(value, bool) or not 0 <= share <= 1:
            raise ValidationError("Must be between 0 and 1.")
        return format_time(Fraction(share), places=4)


def colour(**options: Any) -> fields.String:
    """A colour as `#rrggbb`."""
    hexadecimal = WholeRegexp(r"^#[0-9a-fA-F]{6}$", error="Write a colour as #rrggbb.")
    return fields.String(validate=hexadecimal, **options)


def asset_id(**options: Any) -> fields.String:
    """The id of an asset, `ast_…`."""
    return fields.String(validate=WholeRegexp(ASSET_ID, error="Not an asset id (ast_…)."), **options)
