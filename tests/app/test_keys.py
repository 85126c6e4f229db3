"""API keys."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core import idempotency, keys
from core.db import reading, transaction
from core.models import ApiKey, now
from core.scopes import ROLES, SCOPES
from tests.app.people import bearer, sign_up
from tests.app.test_members import BOB, join
from tests.app.test_problems import problem
from tests.keys import KEY


def make(client, scopes, headers=None, **more):
    return client.post("/v1/keys", json={"name": "mine", "scopes": scopes} | more, headers=headers)


def with_key(key):
    return {"Authorization": f"Bearer {key}"}


def stored():
    with reading() as session:
        return {row.id: row for row in session.scalars(select(ApiKey))}


def test_a_key_from_making_to_revoking(any_client):
    client = any_client
    answer = make(client, ["jobs:read", "assets:read"])
    assert answer.status_code == 201
    made = answer.json
    assert made["scopes"] == ["jobs:read", "assets:read"]
    assert made["key"].startswith(made["prefix"] + "_")
    assert answer.headers["Cache-Control"] == "no-store"
    row = stored()[made["id"]]
    assert made["key"] not in {str(value) for value in vars(row).values()}
    assert client.get("/v1/jobs", headers=with_key(made["key"])).status_code == 200
    problem(client.get("/v1/keys", headers=with_key(made["key"])), 403, "insufficient_scope")
    shown = next(one for one in client.get("/v1/keys").json["data"] if one["id"] == made["id"])
    assert shown["last_used_at"]
    assert "key" not in shown
    assert "hash" not in shown
    for _ in range(2):
        assert client.delete(f"/v1/keys/{made['id']}").status_code == 204
    problem(client.get("/v1/jobs", headers=with_key(made["key"])), 401, "invalid_token")
    log = [(one["action"], one["target"]) for one in client.get("/v1/audit").json["data"]]
    assert log == [("key.revoked", made["id"]), ("key.created", made["id"])]


def test_a_key_whose_answer_was_lost_is_void(client, monkeypatch):
    """It is shown once, and that went to nobody: whoever asks again gets another, and the first opens nothing."""
    once = {"Idempotency-Key": "ingest"}
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "keep", lambda claimed, **_: idempotency.release(claimed))
        lost = make(client, ["jobs:read"], once).json
    made = make(client, ["jobs:read"], once).json
    assert make(client, ["jobs:read"], once).json == made
    problem(client.get("/v1/jobs", headers=with_key(lost["key"])), 401, "invalid_token")
    assert client.get("/v1/jobs", headers=with_key(made["key"])).status_code == 200


def test_nobody_grants_more_than_he_has(client):
    small = make(client, ["keys:write", "jobs:read"]).json["key"]
    problem(make(client, ["jobs:write"], with_key(small)), 403, "insufficient_scope")
    assert make(client, ["jobs:read"], with_key(small)).status_code == 201


def test_a_key_loses_what_its_owner_loses(client):
    admin = sign_up(client)
    bob = join(client, admin)
    problem(make(client, ["members:write"], bearer(bob)), 403, "insufficient_scope")
    key = make(client, ["jobs:read", "assets:write"], bearer(bob)).json["key"]
    member = f"/v1/members/{bob['user_id']}"
    assert "assets:write" in client.get("/v1/me", headers=with_key(key)).json["scopes"]
    client.patch(member, json={"role": "viewer"}, headers=bearer(admin))
    assert client.get("/v1/me", headers=with_key(key)).json["scopes"] == ["jobs:read"]
    client.delete(member, headers=bearer(admin))
    problem(client.get("/v1/me", headers=with_key(key)), 401, "invalid_token")


def test_one_sees_ones_own_keys_and_an_admin_all(client):
    admin = sign_up(client)
    bob = join(client, admin)
    hers, his = (make(client, ["jobs:read"], bearer(who)).json["id"] for who in (admin, bob))
    listed = {who: [one["id"] for one in client.get("/v1/keys", headers=bearer(tokens)).json["data"]]
              for who, tokens in (("admin", admin), ("bob", bob))}  # fmt: skip
    assert listed == {"admin": [his, hers], "bob": [his]}
    problem(client.delete(f"/v1/keys/{hers}", headers=bearer(bob)), 404, "key_not_found")
    assert client.delete(f"/v1/keys/{his}", headers=bearer(admin)).status_code == 204
    assert BOB not in str(client.get("/v1/audit", headers=bearer(admin)).json)


def test_a_key_that_expires(client):
    moment = now()
    problem(make(client, ["jobs:read"], expires_at=moment.isoformat()), 422, "already_expired")
    made = make(client, ["jobs:read"], expires_at=(moment + timedelta(hours=1)).isoformat()).json
    assert client.get("/v1/jobs", headers=with_key(made["key"])).status_code == 200
    with transaction() as session:
        session.execute(update(ApiKey).where(ApiKey.id == made["id"]).values(expires_at=moment))
    problem(client.get("/v1/jobs", headers=with_key(made["key"])), 401, "token_expired")


def test_the_use_of_a_key_is_noted_once_a_minute(client):
    made = make(client, ["jobs:read"]).json
    uses = []
    for age in (timedelta(0), timedelta(seconds=30), keys.NOTE_USE_EVERY * 2):
        with transaction() as session:
            if uses:
                noted = uses[-1] - age
                session.execute(update(ApiKey).where(ApiKey.id == made["id"]).values(last_used_at=noted))
        client.get("/v1/jobs", headers=with_key(made["key"]))
        uses.append(stored()[made["id"]].last_used_at)
    assert uses[1] == uses[0] - timedelta(seconds=30), "not written again"
    assert uses[2] > uses[0]


def test_the_bootstrap_key_stays_revoked(client):
    me = client.get("/v1/me").json
    assert (me["account"]["name"], me["user"], set(me["scopes"])) == ("default", None, set(SCOPES))
    assert client.delete(f"/v1/keys/{me['key_id']}").status_code == 204
    problem(client.get("/v1/me", headers=with_key(KEY)), 401, "invalid_token")


def test_the_same_request_makes_one_key(client):
    answers = [
        client.post(
            "/v1/keys", json={"name": "a", "scopes": ["jobs:read"]}, headers={"Idempotency-Key": "of mine"}
        ).json
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(stored()) == 2


def test_the_answer_with_a_key_is_for_nobody_else_in_the_account(client):
    again = {"Idempotency-Key": "easy to guess"}
    assert make(client, ["jobs:read"], again).status_code == 201
    other = make(client, ["keys:write", "jobs:read"]).json["key"]
    problem(make(client, ["jobs:read"], again | with_key(other)), 422, "idempotency_mismatch")


@pytest.mark.parametrize("scopes", [[], ["jobs"], ["jobs:read", "everything"], "jobs:read"])
def test_what_no_scopes_are(client, scopes):
    problem(make(client, scopes), 422, "invalid_request")


def test_every_role_holds_the_one_below():
    assert ROLES["viewer"] < ROLES["member"] < ROLES["admin"] == set(SCOPES)
