import pytest
from marshmallow import ValidationError

from app.schemas.brand_kit import BrandKitFieldsSchema
from pipelines import branding
from pipelines.edit_schema import EditSchema

ASSET = "ast_" + "0" * 26


def load(**changes):
    return EditSchema().load({"input": ASSET, "keep": [{"start": "15:00", "end": "45:00"}]} | changes)


def test_defaults_are_filled_in():
    assert load() == {
        "input": ASSET,
        "keep": [{"start": "900", "end": "2700"}],
        "mode": "smart",
        "preview": {"height": 360, "teaser": True, "waveform": True, "waveform_color": "#f2a93b"},
        "brand": None,
        "hls": None,
        "priority": "normal",
        "metadata": {},
        "webhook_url": None,
        "external_id": None,
    }


def test_equal_requests_have_one_normal_form():
    one = load(keep=[{"start": "00:15:00.000", "end": 2700}], preview=True)
    two = load(keep=[{"start": 900.0, "end": "2700.0"}], preview={"height": 360})
    assert one == two


def test_a_range_may_go_to_the_end():
    assert load(keep=[{"start": 5}])["keep"] == [{"start": "5", "end": None}]


def test_preview_may_be_left_out():
    assert load(preview=False)["preview"] is None
    assert load(preview=None)["preview"] is None


def test_a_preview_may_be_had_without_all_that_stands_beside_it():
    bare = load(preview={"teaser": False, "waveform": False, "waveform_color": "#ABCDEF"})["preview"]
    assert bare == {"height": 360, "teaser": False, "waveform": False, "waveform_color": "#f2a93b"}
    assert load(preview={"waveform_color": "#ABCDEF"})["preview"]["waveform_color"] == "#abcdef"


def test_streaming_may_be_asked_for_in_a_word():
    assert load(hls=True)["hls"] == load(hls={})["hls"] == {"ladder": [360, 540, 720, 1080]}
    assert load(hls=False)["hls"] is None
    assert load(hls={"ladder": [1080, 360, 1080]})["hls"] == {"ladder": [360, 1080]}


@pytest.mark.parametrize("ladder", [[], [90], [4320], ["360"], [360.5], 360, list(range(144, 162))])
def test_ladders_that_cannot_be(ladder):
    with pytest.raises(ValidationError) as raised:
        load(hls={"ladder": ladder})
    assert set(raised.value.messages) == {"hls"}


def completed(of=None, **brand):
    return branding.complete(load(brand=brand)["brand"], of or {})


def test_a_watermark_may_fill_the_picture():
    mark = {"asset": ASSET, "width": 1, "margin": 0, "margin_y": 0.4, "opacity": 1}
    assert load(brand={"watermark": mark})["brand"]["watermark"]["width"] == "1"


def test_a_title_card_gets_its_defaults():
    brand = completed(intro={"title": "Hello"})
    assert brand["intro"] == {
        "title": "Hello",
        "subtitle": "",
        "duration": "4",
        "template": "plain",
        "background": "#101820",
        "color": None,
        "accent": None,
        "font": "sans",
        "logo": True,
    }
    assert brand["transition"] == {"type": "cut", "duration": "0", "direction": "left"}


def test_what_makes_no_difference_makes_no_other_request():
    card = {"title": "Hello", "color": "#FFFFFF"}
    plain = completed(intro={"title": "Hello", "color": "#ffffff"})
    assert completed(intro=card, transition={"type": "cut", "duration": 3}) == plain
    fades = [{"type": kind, "duration": 1} for kind in ("crossfade", "dissolve")]
    assert completed(intro=card, transition=fades[0]) == completed(
        intro=card, transition=fades[1] | {"direction": "up"}
    )
    mark = {"asset": ASSET}
    assert completed(watermark=mark, transition={"type": "crossfade"}, logo=ASSET) == completed(watermark=mark)
    assert load(keep=[{"start": 1, "end": 2}, {"start": "2.0", "end": 3}]) == load(keep=[{"start": 1, "end": 3}])
    assert len(load(keep=[{"start": 2, "end": 3}, {"start": 1, "end": 2}])["keep"]) == 2


def test_a_kit_says_what_a_brand_leaves_open():
    kit = BrandKitFieldsSchema().load(
        {
            "name": "House",
            "logo": ASSET,
            "accent": "#FF8800",
            "font": "serif",
            "intro": {"title": "Ours", "color": "#eeeeee"},
            "watermark": {"asset": ASSET},
            "transition": {"type": "wipe"},
        }
    )
    named = {"kit": "kit_" + "0" * 26}
    plain = completed(kit, **named)
    assert (plain["intro"]["accent"], plain["intro"]["font"], plain["intro"]["color"]) == (
        "#ff8800",
        "serif",
        "#eeeeee",
    )
    assert (plain["watermark"]["asset"], plain["logo"], plain["transition"]["type"]) == (ASSET, ASSET, "wipe")
    other = completed(kit, **named, intro=None, watermark=None, outro={"title": "Bye", "accent": "#000001"})
    assert (other["intro"], other["watermark"], other["outro"]["accent"]) == (None, None, "#000001")
    thirds = [{"title": "Ada", "start": 1, "end": 2, "logo": False}]
    without = completed(kit, **named, intro=None, watermark=None, lower_thirds=thirds)
    assert (without["lower_thirds"][0]["font"], without["logo"]) == ("serif", None)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"keep": []}, "keep"),
        ({"keep": [{"start": 5, "end": 5}]}, "keep"),
        ({"keep": [{"start": 9, "end": 5}]}, "keep"),
        ({"keep": [{"start": "soon"}]}, "keep"),
        ({"keep": [{"start": -1}]}, "keep"),
        ({"keep": [{"start": None}]}, "keep"),
        ({"keep": [{"start": 1, "stop": 2}]}, "keep"),
        ({"keep": [{"start": 0, "end": 1}] * 501}, "keep"),
        ({"input": "ast_1"}, "input"),
        ({"input": None}, "input"),
        ({"mode": "fast"}, "mode"),
        ({"preview": {"height": 99}}, "preview"),
        ({"preview": {"teaser": "yes"}}, "preview"),
        ({"preview": {"waveform_color": "orange"}}, "preview"),
        ({"preview": "yes"}, "preview"),
        ({"brand": {}}, "brand"),
        ({"brand": {"intro": {}}}, "brand"),
        ({"brand": {"intro": {"title": "x", "asset": ASSET}}}, "brand"),
        ({"brand": {"intro": {"asset": ASSET, "color": "#ffffff"}}}, "brand"),
        ({"brand": {"intro": {"title": "x", "color": "red"}}}, "brand"),
        ({"brand": {"intro": {"title": "x", "duration": 0}}}, "brand"),
        ({"brand": {"intro": {"title": "bell\x07"}}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "opacity": 1.5}}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "opacity": "NaN"}}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "position": "middle"}}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "opacity": 0}}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "width": 0}}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "margin": 0.41}}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "margin_y": 0.41}}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "margin": 0.3, "width": 0.5}}}, "brand"),
        ({"brand": {"loudness": -15}}, "brand"),
        ({"brand": {"lower_thirds": [{"title": "A", "start": 2, "end": 2}]}}, "brand"),
        ({"brand": {"intro": {"title": "A", "template": "spin"}}}, "brand"),
        ({"brand": {"intro": {"asset": ASSET, "font": "serif"}}}, "brand"),
        ({"brand": {"kit": "kit_1"}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "start": 3, "end": 2}}}, "brand"),
        ({"brand": {"watermark": {"asset": ASSET, "end": 2, "fade_in": 1, "fade_out": 1.5}}}, "brand"),
        ({"brand": {"intro": {"title": "A"}, "transition": {"type": "wipe", "direction": "in"}}}, "brand"),
        ({"brand": {"intro": {"title": "x"}, "transition": {"type": "spin"}}}, "brand"),
        ({"metadata": {"k" * 65: 1}}, "metadata"),
        ({"metadata": {"k": "v" * 20_000}}, "metadata"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_is_named(changes, where):
    with pytest.raises(ValidationError) as caught:
        load(**changes)
    assert where in caught.value.messages
