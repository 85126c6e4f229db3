"""What a source's facts rule out is refused when the edit is asked for, by the engine's codes."""

from fractions import Fraction

import pytest

from core.errors import InputError
from core.settings import get_settings
from media import errors
from media.probe import probe
from media.sample import make_sample
from pipelines import edit
from pipelines.edit_schema import EditSchema
from tasks.limits import limits

REQUEST = EditSchema().load({"input": "ast_" + "0" * 26, "keep": [{"start": 0, "end": 1}]})


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_sample(path, seconds=Fraction(2), fps=Fraction(10), size=(160, 90))
    return path


@pytest.fixture(scope="module")
def facts(clip):
    with clip.open("rb") as file:
        return probe(file, limits(get_settings())).to_dict()


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("MAX_PIXELS", 160 * 90 - 1, "too_many_pixels"),
        ("MAX_STREAMS", 1, "too_many_streams"),
        ("MAX_DURATION_S", 1, "too_long"),
    ],
)
def test_it_does_not_fit(monkeypatch, clip, facts, variable, value, code):
    edit.check(facts, REQUEST)
    monkeypatch.setenv(variable, str(value))
    get_settings.cache_clear()
    with pytest.raises(InputError) as refused:
        edit.check(facts, REQUEST)
    assert refused.value.code == code
    # Where the facts are not known yet the probe says the same.
    with clip.open("rb") as file, pytest.raises(errors.InputError) as found:
        probe(file, limits(get_settings()))
    assert found.value.code == code
