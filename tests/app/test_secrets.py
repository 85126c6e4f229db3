"""What the API logs while people and programs work with it: no secret, no signed address, no mail address."""

import pytest

from app import create_app
from tests.app.conftest import put, upload
from tests.app.people import EMAIL, PASSWORD, bearer, letters, post, sign_up, token_of
from tests.core import rows
from tests.keys import KEY, with_key


@pytest.mark.parametrize("json", ["false", "true"])
def test_the_log_holds_no_secret(embedded, configure, capsys, caplog, json):
    configure(LOG_JSON=json)
    client = with_key(create_app())
    tokens = sign_up(client)
    newer = post(client, "refresh", refresh_token=tokens["refresh_token"]).json
    post(client, "refresh", refresh_token=tokens["refresh_token"])
    post(client, "login", email=EMAIL, password="a wrong password")
    post(client, "register", email=EMAIL, password=PASSWORD)
    post(client, "forgot-password", email=EMAIL)
    reset = token_of(letters()[-1])
    post(client, "reset-password", token=reset, password="quite another one")
    made = client.post("/v1/keys", json={"name": "a", "scopes": ["jobs:read"]}).json["key"]
    client.get("/v1/jobs", headers={"Authorization": f"Bearer {made[:-1]}x"})
    asset = upload(client, b"x" * 100)
    signed = client.get(f"/v1/assets/{asset['id']}/download").headers["Location"]
    put(client, signed + "x", b"x")
    job = rows.make_job().id
    ticket = client.post(f"/v1/jobs/{job}/ticket").json["ticket"]
    client.get(f"/v1/jobs/{job}?ticket={ticket}", headers={"Authorization": ""})
    client.get("/v1/me", headers=bearer(newer))
    said = capsys.readouterr()
    log = said.err + said.out + caplog.text
    assert log.count("/v1/auth/login") >= 2, "requests are logged"
    secrets = [EMAIL, PASSWORD, "a wrong password", "quite another one", reset, made, made[:-1], KEY, ticket, "Bearer"]
    secrets += [value for one in (tokens, newer) for name, value in one.items() if name.endswith("_token")]
    secrets += [signed, signed.rpartition("/")[2]]
    assert [secret for secret in secrets if secret in log] == []
