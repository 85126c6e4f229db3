"""Signing up, in and out."""

import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from argon2 import profiles
from sqlalchemy import func, select, update

from app import create_app
from core import lockout, passwords, sessions, signed
from core.db import reading, transaction
from core.errors import AuthenticationError, InputError
from core.models import Account, AuditEvent, LoginFailure, RefreshToken, User, UserSession, now
from core.telemetry import metrics
from tests.app.conftest import hash_by
from tests.app.people import EMAIL, PASSWORD, bearer, letters, post, register, sign_in, sign_up, token_of
from tests.app.test_problems import problem


def me(client, tokens):
    return client.get("/v1/me", headers=bearer(tokens))


def test_from_registration_to_sign_out(any_client):
    token = register(any_client, name="Ada", account_name="Engines")
    problem(post(any_client, "login", email=EMAIL, password=PASSWORD), 401, "invalid_credentials")
    for _ in range(2):
        assert post(any_client, "verify", token=token, password=PASSWORD).json["email"] == EMAIL
    tokens = sign_in(any_client, " ADA@example.org".strip())
    document = me(any_client, tokens).json
    assert (document["user"]["name"], document["account"]["name"], document["account"]["role"]) == (
        "Ada",
        "Engines",
        "admin",
    )
    assert any_client.get("/v1/jobs", headers=bearer(tokens)).json["data"] == []
    newer = post(any_client, "refresh", refresh_token=tokens["refresh_token"]).json
    assert me(any_client, newer).status_code == 200
    assert post(any_client, "logout", newer["access_token"]).status_code == 204
    problem(me(any_client, newer), 401, "invalid_token")
    problem(post(any_client, "refresh", refresh_token=newer["refresh_token"]), 401, "invalid_token")
    with reading() as session:
        stored = session.scalars(select(User.password_hash).where(User.email == EMAIL)).one()
        assert stored.startswith("$argon2id$")
        assert newer["refresh_token"] not in session.scalars(select(RefreshToken.hash)).all()


@pytest.mark.parametrize("address", ['"a\vb"@example.org', '"a"@example.org', "=?utf-8?q?ada?=@example.org"])
def test_an_address_that_a_mail_would_read_otherwise(client, address):
    answer = post(client, "register", email=address, password=PASSWORD)
    assert list(problem(answer, 422, "invalid_request")["errors"]) == ["email"]
    named = post(client, "register", email=EMAIL, password=PASSWORD, account_name="a\u2028b")
    assert list(problem(named, 422, "invalid_request")["errors"]) == ["account_name"]


def test_a_key_is_no_person(client):
    problem(client.post("/v1/auth/logout"), 403, "person_required")


@pytest.mark.parametrize("kind", ["expired", "another secret", "unsigned", "another issuer", "for ever"])
def test_a_forged_access_token(client, kind):
    tokens = sign_up(client)
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert 14 * 60 < claims["exp"] - time.time() <= 15 * 60
    match kind:
        case "expired":
            forged = jwt.encode(claims | {"exp": int(time.time()) - 1}, signed._key(), algorithm="HS256")
            return problem(me(client, {"access_token": forged}), 401, "token_expired")
        case "another secret":
            forged = jwt.encode(claims, "x" * 32, algorithm="HS256")
        case "unsigned":
            forged = jwt.encode(claims, None, algorithm="none")
        case "another issuer":
            forged = jwt.encode(claims | {"iss": "other"}, signed._key(), algorithm="HS256")
        case "for ever":
            del claims["exp"]
            forged = jwt.encode(claims, signed._key(), algorithm="HS256")
    return problem(me(client, {"access_token": forged}), 401, "invalid_token")


def test_a_refresh_token_that_comes_again_ends_its_family(client):
    first = sign_up(client)
    second = post(client, "refresh", refresh_token=first["refresh_token"]).json
    other = sign_in(client)
    problem(post(client, "refresh", refresh_token=first["refresh_token"]), 401, "token_reused")
    problem(post(client, "refresh", refresh_token=second["refresh_token"]), 401, "invalid_token")
    problem(me(client, second), 401, "invalid_token")
    assert me(client, other).status_code == 200, "another sign-in is another family"
    log = client.get("/v1/audit", headers=bearer(other)).json["data"]
    assert "session.reuse_detected" in {one["action"] for one in log}


def test_a_refresh_token_that_has_expired(client):
    tokens = sign_up(client)
    with transaction() as session:
        session.execute(update(UserSession).values(expires_at=now() - timedelta(seconds=1)))
    problem(post(client, "refresh", refresh_token=tokens["refresh_token"]), 401, "token_expired")
    problem(post(client, "refresh", refresh_token="cwr_none"), 401, "invalid_token")


def test_of_many_refreshes_at_once_one_wins_and_then_none(servers):
    tokens = sign_up(create_app().test_client())

    def refresh(_):
        try:
            return sessions.refresh(tokens["refresh_token"])
        except AuthenticationError as error:
            return error

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(refresh, range(16)))
    won = [one for one in answers if isinstance(one, sessions.Tokens)]
    assert len(won) == 1
    assert {one.code for one in answers if one not in won} <= {"token_reused"}
    with pytest.raises(AuthenticationError) as caught:
        sessions.refresh(won[0].refresh_token)
    assert caught.value.code == "invalid_token"
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(RefreshToken)) == 2


def test_a_new_password(client):
    before = sign_up(client)
    assert post(client, "forgot-password", email=EMAIL).status_code == 202
    token = token_of(letters()[-1])
    assert post(client, "reset-password", token=token, password="a better one, said she").status_code == 204
    problem(me(client, before), 401, "invalid_token")
    problem(post(client, "login", email=EMAIL, password=PASSWORD), 401, "invalid_credentials")
    sign_in(client, password="a better one, said she")
    problem(post(client, "reset-password", token=token, password="another one again"), 422, "link_invalid")
    assert letters()[-1]["Subject"] == "Your password was changed"


def test_a_mailed_token_is_good_for_one_thing_and_a_while(client, monkeypatch):
    verify = register(client)
    problem(post(client, "reset-password", token=verify, password=PASSWORD), 422, "link_invalid")
    problem(post(client, "verify", token=verify[:-2] + "xx", password=PASSWORD), 422, "link_invalid")
    monkeypatch.setattr(signed, "VERIFY_S", -1)
    problem(post(client, "verify", token=verify, password=PASSWORD), 422, "link_expired")


def test_who_registers_an_address_first_gains_nothing(client):
    """Somebody registers with another's address; its owner registers later, and the older token is void."""
    older = register(client, password="chosen by somebody")
    newer = register(client)
    problem(post(client, "verify", token=older, password=PASSWORD), 422, "link_invalid")
    assert post(client, "verify", token=newer, password=PASSWORD).status_code == 200
    problem(post(client, "login", email=EMAIL, password="chosen by somebody"), 401, "invalid_credentials")
    sign_in(client)


def test_who_follows_the_mail_of_a_strangers_registration_opens_nothing_for_them(client):
    """The account would have the stranger's password, and whatever its owner puts into it."""
    token = register(client, password="chosen by somebody")
    problem(post(client, "verify", token=token), 422, "invalid_request")
    problem(post(client, "verify", token=token, password=PASSWORD), 401, "invalid_credentials")
    problem(post(client, "login", email=EMAIL, password="chosen by somebody"), 401, "invalid_credentials")
    # Nor does a stranger who comes second gain by the owner's mail.
    register(client)
    second = register(client, password="chosen by somebody")
    problem(post(client, "verify", token=second, password=PASSWORD), 401, "invalid_credentials")
    sign_up(client)


def test_guesses_of_what_was_registered_have_to_wait(client):
    token = register(client)
    answers = [post(client, "verify", token=token, password="wrong") for _ in range(lockout.FREE + 1)]
    assert [one.status_code for one in answers] == [401] * lockout.FREE + [429]


def test_a_known_address_is_told_by_nothing_but_its_mail(client):
    sign_up(client)
    known, unknown = EMAIL, "nobody@example.org"
    # Nor by a sign-in with what was just registered.
    chosen = {"password": "chosen by somebody"}
    for path, body in (("register", chosen), ("forgot-password", {}), ("login", chosen)):
        first, second = (post(client, path, email=address, **body) for address in (known, unknown))
        assert first.status_code == second.status_code
        assert {**first.json, "request_id": ""} == {**second.json, "request_id": ""}
        assert set(dict(first.headers)) == set(dict(second.headers))
    assert letters()[-2]["Subject"] == "You have an account already"
    sign_in(client)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Account).where(Account.handle.is_(None))) == 1


def test_an_unknown_address_takes_as_long(client, monkeypatch):
    hash_by(monkeypatch, profiles.RFC_9106_LOW_MEMORY)
    sign_up(client)
    monkeypatch.setattr(lockout, "FREE", 1000)

    def cpu_s(address):
        started = time.process_time()
        post(client, "login", email=address, password="wrong")
        return time.process_time() - started

    cpu_s("first@example.org")
    # Side by side, as the speed of a machine changes; without the hash it would be some thirtieth.
    spent = [(cpu_s(EMAIL), cpu_s("nobody@example.org")) for _ in range(7)]
    assert 1 / 3 < statistics.median(known / unknown for known, unknown in spent) < 3
    assert not passwords.matches(None, "nobody's")


def test_passwords_cost_what_they_should():
    """In a process of its own: here they are cheap."""
    command = [sys.executable, "-c", "from core import passwords; print(passwords.hashed('x'))"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize("address", [EMAIL, "nobody@example.org"])
def test_failed_logins_have_to_wait_longer_and_longer(client, address):
    sign_up(client)
    for _ in range(lockout.FREE):
        problem(post(client, "login", email=address, password="wrong"), 401, "invalid_credentials")
    waits = []
    for _ in range(2):
        answer = post(client, "login", email=address, password=PASSWORD)
        problem(answer, 429, "too_many_attempts")
        waits.append(int(answer.headers["Retry-After"]))
        with transaction() as session:
            session.execute(update(LoginFailure).values(blocked_until=now()))
        problem(post(client, "login", email=address, password="wrong"), 401, "invalid_credentials")
    assert waits[0] <= lockout.FIRST_S < waits[1]
    with transaction() as session:
        session.execute(update(LoginFailure).values(blocked_until=now()))
    if address == EMAIL:
        sign_in(client)
        with reading() as session:
            assert session.scalars(select(LoginFailure)).all() == []


def test_failed_logins_are_in_the_audit_log_as_far_as_they_are_let_in(client, monkeypatch):
    """Who guesses is seen by the admins; names that nobody has, and a flood of guesses, leave no rows."""
    monkeypatch.setattr(lockout, "FIRST_S", 600)
    admin = sign_up(client)
    outcomes = ("wrong", "unknown", "locked", "succeeded")
    before = {one: metrics.LOGINS.labels(one)._value.get() for one in outcomes}

    def failures():
        events = client.get("/v1/audit", headers=bearer(admin)).json["data"]
        return [(one["actor"], one["target"], one["ip"]) for one in events if one["action"] == "login.failed"]

    assert failures() == []
    for _ in range(lockout.FREE + 20):
        for address in (EMAIL, "nobody@example.org"):
            post(client, "login", email=address, password="wrong")
    assert failures() == [(None, admin["user_id"], "127.0.0.1")] * lockout.FREE
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(AuditEvent)) == len(failures()) + 2
    with transaction() as session:
        session.execute(update(LoginFailure).values(blocked_until=now()))
    sign_in(client)
    counted = {one: metrics.LOGINS.labels(one)._value.get() - before[one] for one in outcomes}
    assert counted == {"wrong": lockout.FREE, "unknown": lockout.FREE, "locked": 40, "succeeded": 1}


def test_guesses_at_once_are_counted_each(servers, monkeypatch):
    monkeypatch.setattr(lockout, "FIRST_S", 600)
    application = create_app()

    def guess(address):
        return post(application.test_client(), "login", email=address, password="wrong").status_code

    sign_up(application.test_client())
    for address in (EMAIL, "b@example.org", "c@example.org"):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(guess, [address] * 12))
        assert answers.count(401) == lockout.FREE
        assert answers.count(429) == 12 - lockout.FREE


def test_a_closed_house_takes_only_who_is_invited(client, configure):
    admin = sign_up(client)
    configure(REGISTRATION="closed")
    problem(post(client, "register", email="bob@example.org", password=PASSWORD), 403, "registration_closed")
    invited = client.post("/v1/invitations", json={"email": "bob@example.org", "role": "viewer"}, headers=bearer(admin))
    assert invited.status_code == 201
    token = token_of(letters("bob@example.org")[-1])
    assert post(client, "accept-invitation", token=token, password=PASSWORD).status_code == 200


def test_no_application_without_a_secret(embedded, configure):
    configure(SECRET_KEY="")
    with pytest.raises(InputError, match="SECRET_KEY must be set"):
        create_app()


@pytest.mark.parametrize(
    "body",
    [
        {"email": "no address", "password": PASSWORD},
        {"email": EMAIL, "password": "short"},
        {"email": EMAIL, "password": "x" * 129},
        {"email": EMAIL, "password": PASSWORD, "name": "a\r\nBcc: b@example.org"},
    ],
)
def test_what_no_registration_is(client, body):
    problem(post(client, "register", **body), 422, "invalid_request")
    assert letters() == []
