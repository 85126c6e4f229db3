import pytest

from core.errors import InputError
from tasks.__main__ import flower
from tasks.chart import FOLDER, render


@pytest.mark.parametrize("name", render())
def test_what_the_chart_derives_is_what_the_code_says(name):
    assert (FOLDER / name).read_text() == render()[name], f"helm/files/{name} is stale: run `python -m tasks.chart`"


def test_flower_is_not_served_to_others_without_a_password(monkeypatch):
    monkeypatch.delenv("FLOWER_BASIC_AUTH", raising=False)
    with pytest.raises(InputError, match="FLOWER_BASIC_AUTH"):
        flower("0.0.0.0", 5555)
    monkeypatch.setenv("FLOWER_BASIC_AUTH", "operator:secret")
    assert flower("0.0.0.0", 5555) == ["flower", "--address=0.0.0.0", "--port=5555"]
