"""Values of an image request in one normal form each, and fields that OpenAPI can show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from pipelines.times import WholeRegexp, decimal

TRANSPARENT = "transparent"
_DECIMALS = 4
_PERCENT = re.compile(r"\d{1,5}(\.\d{1,4})?%")
_PIXELS = re.compile(r"\d{1,5}")
_RATIO = re.compile(r"(\d{1,5}(?:\.\d{1,4})?)(?:[:/](\d{1,5}(?:\.\d{1,4})?))?")


def plain(value: Fraction) -> str:
    """A decimal string without needless digits, exact to four places."""
    text = f"{Decimal(value.numerator) / Decimal(value.denominator):.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


class Plain(fields.Field[str]):
    """What a `normal` function of text brings to its normal form; numbers are read as they are written."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise ValidationError("Not a number or a text.")
        return self.normal(str(value).strip())

    def normal(self, text: str) -> str:
        """Return the normal form; raises ValidationError."""
        raise NotImplementedError


class Number(Plain):
    """A number from `least` to `most`, as a number or decimal string."""

    def __init__(self, least: str, most: str, **options: Any) -> None:
        options.setdefault("metadata", {"description": f"{least} to {most}.", "example": least})
        super().__init__(**options)
        self._least, self._most = Fraction(least), Fraction(most)

    def normal(self, text: str) -> str:
        """Return a decimal string."""
        number = decimal(text)
        if not self._least <= number <= self._most:
            raise ValidationError(f"Must be from {plain(self._least)} to {plain(self._most)}.")
        return plain(Fraction(number))


class LengthField(Plain):
    """Pixels (`120`) or a share of a side (`"12.5%"`)."""

    def __init__(self, *, zero: bool = False, **options: Any) -> None:
        options.setdefault("metadata", {"description": 'Pixels, or a share as "12.5%".', "example": "25%"})
        super().__init__(**options)
        self._zero = zero

    def normal(self, text: str) -> str:
        """Return `"120"` or `"12.5%"`."""
        if _PIXELS.fullmatch(text):
            made = str(int(text))
        elif _PERCENT.fullmatch(text):
            made = f"{plain(Fraction(text[:-1]))}%"
        else:
            raise ValidationError('Write pixels (120) or a share ("12.5%").')
        if made in {"0", "0%"}:
            if not self._zero:
                raise ValidationError("Must be more than 0.")
            return "0"
        return made


class Aspect(Plain):
    """Width to height, `"16:9"` or `1.7778`."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("metadata", {"description": "Width to height.", "example": "16:9"})
        super().__init__(**options)

    def normal(self, text: str) -> str:
        """Return two whole numbers in lowest terms."""
        match = _RATIO.fullmatch(text)
        if match is None or not Fraction(match[2] or 1):
            raise ValidationError("Write width to height, as 16:9 or 1.5.")
        ratio = Fraction(match[1]) / Fraction(match[2] or 1)
        if not Fraction(1, 100) <= ratio <= 100:
            raise ValidationError("Must be from 1:100 to 100:1.")
        return f"{ratio.numerator}:{ratio.denominator}"


class Tagged(fields.Field[dict[str, Any]]):
    """One of several schemas; the value under `key` names it. It comes first in the result."""

    def __init__(self, key: str, schemas: Mapping[str, type[Schema]], **options: Any) -> None:
        super().__init__(**options)
        self.key = key
        self.schemas = schemas

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ARG002
        if not isinstance(value, dict):
            raise ValidationError("Not an object.")
        name = value.get(self.key)
        if not isinstance(name, str) or name not in self.schemas:
            raise ValidationError({self.key: [f"Must be one of: {', '.join(self.schemas)}."]})
        loaded = self.schemas[name]().load({key: inner for key, inner in value.items() if key != self.key})
        return {self.key: name, **loaded}


class Colour(fields.String):
    """`#rrggbb`, `#rrggbbaa` where `alpha`, or `transparent`."""

    def __init__(self, *, alpha: bool = True, **options: Any) -> None:
        pattern = r"^(#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?|transparent)$" if alpha else r"^(#[0-9a-fA-F]{6}|transparent)$"
        super().__init__(validate=WholeRegexp(pattern, error="Write a colour as #rrggbb, or transparent."), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs).lower()
        return text[:7] if len(text) == 9 and text.endswith("ff") else text


def choice(*values: str, **options: Any) -> fields.String:
    """One of some words."""
    return fields.String(validate=validate.OneOf(values), **options)


def side(**options: Any) -> fields.Integer:
    """Pixels of a side."""
    return fields.Integer(strict=True, validate=validate.Range(1, 16_384), **options)
