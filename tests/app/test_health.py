import pytest

from app import create_app

CHECKS = ("database", "storage", "events")


def test_the_process_answers(client):
    assert client.get("/healthz").json == {"status": "ok"}


def test_ready(any_client):
    answer = any_client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "checks": {name: {"ok": True} for name in CHECKS}}


@pytest.mark.parametrize(
    ("broken", "values"),
    [
        ("database", {"DATABASE_URL": "postgresql+psycopg2://127.0.0.1:1/none"}),
        ("events", {"REDIS_URL": "redis://127.0.0.1:1/0"}),
        (
            "storage",
            {
                "S3_BUCKET": "none",
                "S3_ENDPOINT_URL": "http://127.0.0.1:1",
                "S3_ACCESS_KEY_ID": "x",
                "S3_SECRET_ACCESS_KEY": "x",
            },
        ),
    ],
)
def test_what_is_broken_is_named(embedded, configure, broken, values):
    configure(**values)
    answer = create_app().test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json["status"] == "unavailable"
    assert [name for name, check in answer.json["checks"].items() if not check["ok"]] == [broken]
    assert answer.json["checks"][broken]["detail"]
