"""An account that several people share."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from app import create_app
from core import members, scopes, users
from core.db import transaction
from core.errors import ConflictError
from core.models import Invitation, now
from tests.app.people import PASSWORD, bearer, letters, post, register, sign_in, sign_up, token_of
from tests.app.test_problems import problem

BOB = "bob@example.org"


def invite(client, admin, email=BOB, role="member"):
    answer = client.post("/v1/invitations", json={"email": email, "role": role}, headers=bearer(admin))
    assert answer.status_code == 201, answer.json
    return answer.json, token_of(letters(email)[-1])


def join(client, admin, email=BOB, role="member"):
    answer = post(client, "accept-invitation", token=invite(client, admin, email, role)[1], password=PASSWORD)
    assert answer.status_code == 200, answer.json
    return answer.json


def actions(client, admin):
    log = client.get("/v1/audit", headers=bearer(admin)).json["data"]
    assert all(one["request_id"] and one["ip"] == "127.0.0.1" for one in log)
    return {(one["action"], one["actor"], one["target"]) for one in log}


def test_from_an_invitation_to_the_end(any_client):
    client, admin = any_client, sign_up(any_client)
    invitation, _ = invite(client, admin)
    bob = join(client, admin)
    assert (bob["account_id"], bob["role"]) == (admin["account_id"], "member")
    people = client.get("/v1/members", headers=bearer(bob)).json["data"]
    assert [(one["email"], one["role"]) for one in people] == [(BOB, "member"), ("ada@example.org", "admin")]
    problem(client.get("/v1/audit", headers=bearer(bob)), 403, "insufficient_scope")
    path = f"/v1/members/{bob['user_id']}"
    assert client.patch(path, json={"role": "viewer"}, headers=bearer(admin)).json["role"] == "viewer"
    refused = client.post("/v1/uploads", json={"filename": "a.mp4", "size": 1}, headers=bearer(bob))
    problem(refused, 403, "insufficient_scope")
    assert client.delete(path, headers=bearer(admin)).status_code == 204
    problem(client.get("/v1/members", headers=bearer(bob)), 401, "invalid_token")
    problem(post(client, "refresh", refresh_token=bob["refresh_token"]), 401, "invalid_token")
    assert {
        ("invitation.created", admin["user_id"], invitation["id"]),
        ("member.role_changed", admin["user_id"], bob["user_id"]),
        ("member.removed", admin["user_id"], bob["user_id"]),
    } <= actions(client, admin)


def test_who_belongs_to_two_accounts_chooses(client):
    admin, bob = sign_up(client), sign_up(client, BOB)
    _, token = invite(client, admin, role="viewer")
    problem(post(client, "accept-invitation", token=token, password="somebody else's"), 401, "invalid_credentials")
    assert post(client, "accept-invitation", token=token, password=PASSWORD).json["role"] == "viewer"
    assert sign_in(client, BOB)["account_id"] == bob["account_id"]
    there = sign_in(client, BOB, account_id=admin["account_id"])
    me = client.get("/v1/me", headers=bearer(there)).json
    assert (me["account"]["id"], me["account"]["role"]) == (admin["account_id"], "viewer")
    assert {one["id"] for one in me["accounts"]} == {bob["account_id"], admin["account_id"]}
    wrong = post(client, "login", email="ada@example.org", password=PASSWORD, account_id=bob["account_id"])
    problem(wrong, 404, "account_not_found")


def test_an_invitation_is_good_once_and_not_for_ever(client):
    admin = sign_up(client)
    _, older = invite(client, admin)
    made, newer = invite(client, admin)
    problem(post(client, "accept-invitation", token=older, password=PASSWORD), 422, "invitation_invalid")
    assert [one["id"] for one in client.get("/v1/invitations", headers=bearer(admin)).json["data"]] == [made["id"]]
    assert client.delete(f"/v1/invitations/{made['id']}", headers=bearer(admin)).status_code == 204
    problem(client.delete(f"/v1/invitations/{made['id']}", headers=bearer(admin)), 404, "invitation_not_found")
    problem(post(client, "accept-invitation", token=newer, password=PASSWORD), 422, "invitation_invalid")
    _, last = invite(client, admin)
    with transaction() as session:
        session.execute(update(Invitation).values(expires_at=now() - timedelta(seconds=1)))
    problem(post(client, "accept-invitation", token=last, password=PASSWORD), 422, "invitation_invalid")
    join(client, admin)
    again = client.post("/v1/invitations", json={"email": BOB, "role": "admin"}, headers=bearer(admin))
    problem(again, 409, "already_member")


def test_a_registration_that_was_never_confirmed_gives_no_password(client):
    """Somebody has registered with the address of one who is invited."""
    admin = sign_up(client)
    register(client, BOB, "chosen by somebody")
    join(client, admin)
    problem(post(client, "login", email=BOB, password="chosen by somebody"), 401, "invalid_credentials")
    sign_in(client, BOB)


def test_an_account_keeps_an_admin(client):
    admin = sign_up(client)
    mine = f"/v1/members/{admin['user_id']}"
    problem(client.delete(mine, headers=bearer(admin)), 409, "last_admin")
    problem(client.patch(mine, json={"role": "member"}, headers=bearer(admin)), 409, "last_admin")
    join(client, admin, role="admin")
    assert client.patch(mine, json={"role": "member"}, headers=bearer(admin)).status_code == 200


def test_a_token_gives_and_takes_no_role_that_holds_more_than_itself(client):
    admin = sign_up(client)
    bob = join(client, admin, role="member")
    body = {"name": "desk", "scopes": sorted(scopes.ROLES[scopes.VIEWER] | {"members:write"})}
    key = client.post("/v1/keys", json=body, headers=bearer(admin)).json["key"]
    held = {"Authorization": f"Bearer {key}"}

    def role(user, name):
        return client.patch(f"/v1/members/{user['user_id']}", json={"role": name}, headers=held)

    for name in ("admin", "member"):
        asked = client.post("/v1/invitations", json={"email": "c@example.org", "role": name}, headers=held)
        assert "jobs:write" in problem(asked, 403, "insufficient_scope")["detail"]
        problem(role(bob, name), 403, "insufficient_scope")
    for user in (admin, bob):
        problem(role(user, "viewer"), 403, "insufficient_scope")
        problem(client.delete(f"/v1/members/{user['user_id']}", headers=held), 403, "insufficient_scope")
    asked = client.post("/v1/invitations", json={"email": "c@example.org", "role": "viewer"}, headers=held)
    assert asked.status_code == 201
    client.patch(f"/v1/members/{bob['user_id']}", json={"role": "viewer"}, headers=bearer(admin))
    assert client.delete(f"/v1/members/{bob['user_id']}", headers=held).status_code == 204


def test_two_admins_who_remove_each_other_at_once(servers):
    client = create_app().test_client()
    admin = sign_up(client)
    bob = join(client, admin, role="admin")

    def remove(user_id):
        by = scopes.Principal(account_id=admin["account_id"], scopes=scopes.ROLES[scopes.ADMIN])
        try:
            members.remove(by, user_id)
        except ConflictError as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(remove, [admin["user_id"], bob["user_id"]]))
    assert sorted(answers, key=str) == [None, "last_admin"]
    left = [users.accounts_of(one["user_id"]) for one in (admin, bob)]
    assert sorted(len(one) for one in left) == [0, 1]


@pytest.mark.parametrize("body", [{"email": BOB, "role": "owner"}, {"email": "b", "role": "admin"}, {"email": BOB}])
def test_what_no_invitation_is(client, body):
    problem(client.post("/v1/invitations", json=body), 422, "invalid_request")
