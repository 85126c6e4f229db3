import pytest
from pydantic import ValidationError

from core.errors import InputError
from core.settings import Settings
from core.settings_docs import PAGE, render


def test_every_setting_is_described_on_the_page():
    assert all(field.description for field in Settings.model_fields.values())
    assert PAGE.read_text() == render(), "docs/settings.md is stale: run `python -m core.settings_docs`"


def test_a_setting_comes_from_a_file(tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(secret))
    settings = Settings()
    assert settings.secret_key.get_secret_value() == "hush"
    assert "hush" not in repr(settings)


def test_live_events_use_the_broker_when_it_is_redis(monkeypatch):
    monkeypatch.setenv("BROKER_URL", "redis://example:1/2")
    assert Settings().events_url == "redis://example:1/2"
    monkeypatch.setenv("BROKER_URL", "amqp://example")
    with pytest.raises(InputError) as caught:
        _ = Settings().events_url
    assert caught.value.code == "redis_url_missing"
    monkeypatch.setenv("REDIS_URL", "redis://other:1/0")
    assert Settings().events_url == "redis://other:1/0"


def test_nonsense_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("LEASE_S", "soon")
    with pytest.raises(ValidationError, match="lease_s"):
        Settings()


@pytest.mark.parametrize("secret", ["", "short", "x" * 40])
def test_a_secret_that_can_be_guessed_signs_nothing(monkeypatch, secret):
    monkeypatch.setenv("SECRET_KEY", secret)
    with pytest.raises(InputError) as caught:
        _ = Settings().signing_secret
    assert caught.value.code == "secret_key_missing"
    monkeypatch.setenv("SECRET_KEY", "0123456789abcdef")
    assert Settings().signing_secret == "0123456789abcdef"


def test_a_bootstrap_key_that_can_be_guessed_is_refused(monkeypatch):
    monkeypatch.setenv("BOOTSTRAP_API_KEY", "secret")
    with pytest.raises(ValidationError, match="BOOTSTRAP_API_KEY must look like"):
        Settings()
