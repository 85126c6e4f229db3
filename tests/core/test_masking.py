import json
import logging

import pytest
import structlog

from core.log import configure_logging
from core.masking import mask
from tests.keys import KEY

SECRET = "Zm9vYmFyYmF6cXV4"
LINES = [
    f"PUT /v1/storage/{SECRET}.x-y_z%7E failed",
    f"https://s3.example/b/k?partNumber=1&X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}%2F2026",
    f"https://s3.example/b/k?AWSAccessKeyId={SECRET}&Signature={SECRET}",
    f"postgresql+psycopg2://cutwork:{SECRET}@db.internal:5432/cutwork",
    f"Authorization: Bearer {SECRET}",
    f"headers={{'Authorization': 'Basic {SECRET}'}}",
    f'{{"password": "{SECRET} with spaces", "size": 1}}',
    f"refresh_token='{SECRET}'",
    f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{SECRET}",
    f"GET /callback?code={SECRET}&state={SECRET}",
    f"the key {KEY[:11]}_{SECRET.encode().hex()} is unknown",
    f"whsec_{SECRET}",
    f"cwr_{SECRET}{SECRET}{SECRET} came twice",
    f"cwi_{SECRET}{SECRET}{SECRET} is void",
    f"mail to {SECRET}@example.co.uk was refused",
]


@pytest.mark.parametrize("line", LINES)
def test_a_secret_is_masked(line):
    masked = mask(line)
    assert SECRET not in masked
    assert SECRET.encode().hex() not in masked
    assert "[masked]" in masked


@pytest.mark.parametrize(
    "line",
    [
        "job_01k9x3v5m8q2r7t4w6y0b1c3d5 is at work, stage=trim attempt=1",
        "GET /v1/jobs?limit=20&status=failed 200",
        "the token has expired: sign in again",
        "redis://127.0.0.1:6390/0 does not answer",
        "at 2026-11-21T13:00:00.123Z in /v1/storage",
    ],
)
def test_what_is_no_secret_stays(line):
    assert mask(line) == line


@pytest.mark.parametrize("as_json", [True, False])
def test_lines_and_tracebacks_are_masked(capsys, as_json):
    configure_logging(json=as_json)
    try:
        raise ValueError(f"cannot reach redis://:{SECRET}@cache:6379/0")
    except ValueError:
        structlog.get_logger("test").exception("no luck", mail=f"{SECRET}@example.com")
    logging.getLogger("library").warning("Bearer %s was refused", SECRET)
    said = capsys.readouterr().err
    assert "no luck" in said
    assert "was refused" in said
    assert SECRET not in said
    if as_json:
        assert all(json.loads(line) for line in said.splitlines())
