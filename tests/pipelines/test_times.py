import pytest
from marshmallow import Schema, ValidationError

from pipelines.times import asset_id, colour

ASSET = "ast_" + "0" * 26


class Fields(Schema):
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
