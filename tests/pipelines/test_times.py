import pytest
from marshmallow import Schema, ValidationError

from pipelines.image_fields import Number
from pipelines.times import Share, asset_id, colour

ASSET = "ast_" + "0" * 26


class Fields(Schema):
    number = Number("-1", "10")
    share = Share()
    colour = colour()
    asset = asset_id()


def test_a_colour_and_an_id_are_taken_as_they_are():
    given = {"colour": "#10aBff", "asset": ASSET}
    assert Fields().load(given) == given


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("colour", "#101820\n"),
        ("colour", "\n#101820"),
        ("colour", "#10182"),
        ("asset", ASSET + "\n"),
        ("asset", ASSET.upper()),
    ],
)
def test_a_text_must_match_to_its_last_character(name, text):
    with pytest.raises(ValidationError) as caught:
        Fields().load({name: text})
    assert list(caught.value.messages) == [name]


@pytest.mark.parametrize("name", ["number", "share"])
@pytest.mark.parametrize(
    "text", ["1e-9999999", "0e9999999", "0e-9999999", "0." + "0" * 70 + "1", "1e33", "NaN", "sNaN", "-Infinity", "1_0x"]
)
def test_a_number_of_millions_of_digits_is_refused_at_once(name, text):
    with pytest.raises(ValidationError) as caught:
        Fields().load({name: text})
    assert list(caught.value.messages) == [name]


def test_numbers_are_brought_to_one_form():
    assert Fields().load({"number": 1e-07, "share": "0.50"}) == {"number": "0", "share": "0.5"}
    assert Fields().load({"number": "-0.12500", "share": 1}) == {"number": "-0.125", "share": "1"}
