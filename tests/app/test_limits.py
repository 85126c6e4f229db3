"""How often one may ask: counted in Valkey, for all processes together, and passed by while that is away."""

import pytest

from app import create_app
from core.settings import get_settings
from tests.app.test_problems import problem
from tests.keys import HEADERS, with_key


@pytest.fixture
def limited(embedded, broker, configure):
    """Return a function that makes an application with limits, on counters that nobody has used."""

    def make(**settings):
        for key in broker.scan_iter("LIMITS*"):
            broker.delete(key)
        configure(**{"RATE_LIMIT_KEY": "", "RATE_LIMIT_IP": ""} | settings)
        return create_app()

    return make


def test_a_key_that_asks_too_often_is_told_when_to_come_back(limited):
    client = with_key(limited(RATE_LIMIT_KEY="3 per hour"))
    left = []
    for _ in range(3):
        answer = client.get("/v1/jobs")
        assert answer.status_code == 200
        left.append(answer.headers["RateLimit-Remaining"])
    assert left == ["2", "1", "0"]
    refused = client.get("/v1/assets")
    assert problem(refused, 429, "too_many_requests")["retryable"]
    assert refused.headers["RateLimit-Limit"] == "3"
    assert refused.headers["RateLimit-Policy"] == "3;w=3600"
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]


def test_processes_count_together_and_keys_apart(limited, configure):
    first = with_key(limited(RATE_LIMIT_KEY="2 per hour"))
    second = with_key(create_app())
    assert [client.get("/v1/jobs").status_code for client in (first, second, first)] == [200, 200, 429]
    other = create_app().test_client()
    problem(other.get("/v1/jobs", headers={"Authorization": "Bearer cw_other"}), 401, "invalid_token")


def test_guessing_keys_is_bound_by_the_address(limited):
    client = limited(RATE_LIMIT_IP="3 per hour").test_client()
    for number in range(3):
        problem(client.get("/v1/jobs", headers={"Authorization": f"Bearer cw_{number}"}), 401, "invalid_token")
    problem(client.get("/v1/jobs", headers=HEADERS), 429, "too_many_requests")
    elsewhere = {"environ_base": {"REMOTE_ADDR": "10.0.0.9"}}
    assert client.get("/v1/jobs", headers=HEADERS, **elsewhere).status_code == 200


@pytest.mark.parametrize(
    ("first", "then", "status"),
    [
        # Who has one address of a network has 2^64 of them.
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 429),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", 200),
        ("fe80::1%eth0", "fe80::2%eth0", 429),
        # All of IPv4 would be one network.
        ("::ffff:192.0.2.1", "192.0.2.1", 429),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", 200),
        ("not an address", "not an address", 429),
    ],
)
def test_an_ipv6_address_counts_with_its_network(limited, first, then, status):
    client = with_key(limited(RATE_LIMIT_IP="1 per hour"))
    assert client.get("/v1/jobs", environ_base={"REMOTE_ADDR": first}).status_code == 200
    assert client.get("/v1/jobs", environ_base={"REMOTE_ADDR": then}).status_code == status


def test_signing_in_is_bound_more_closely_than_the_rest(limited):
    """Whoever tries one password on many addresses is not stopped by what an address has failed."""
    client = limited(RATE_LIMIT_LOGIN="3 per hour", RATE_LIMIT_IP="100 per hour").test_client()

    def sign_in(number):
        return client.post("/v1/auth/login", json={"email": f"p{number}@example.org", "password": "correct horse"})

    answers = [sign_in(number) for number in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert answers[-1].headers["RateLimit-Remaining"] == "0"
    for path, body in (
        ("login", {"email": "p9@example.org", "password": "correct horse"}),
        ("register", {"email": "p9@example.org", "password": "correct horse"}),
        ("forgot-password", {"email": "p9@example.org"}),
        ("reset-password", {"token": "x", "password": "correct horse"}),
    ):
        refused = client.post(f"/v1/auth/{path}", json=body)
        problem(refused, 429, "too_many_requests")
        assert 0 < int(refused.headers["Retry-After"]) <= 3600
    problem(client.get("/v1/auth/oauth/google"), 429, "too_many_requests")
    # Who has signed in goes on.
    problem(client.post("/v1/auth/refresh", json={"refresh_token": "cwr_none"}), 401, "invalid_token")
    assert client.get("/v1/jobs", headers=HEADERS).status_code == 200


def test_an_address_is_taken_from_as_many_proxies_as_are_trusted(limited):
    forwarded = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in (1, 2)]
    client = limited(RATE_LIMIT_IP="1 per hour").test_client()
    assert [client.get("/v1/jobs", headers=one).status_code for one in forwarded] == [401, 429]
    client = limited(RATE_LIMIT_IP="1 per hour", TRUSTED_PROXIES="1").test_client()
    assert [client.get("/v1/jobs", headers=one).status_code for one in forwarded] == [401, 401]


def test_what_is_free_is_not_counted(limited):
    client = limited(RATE_LIMIT_IP="1 per hour").test_client()
    for path in ("/healthz", "/docs", "/openapi.json", "/v1/storage/x", "/healthz"):
        answer = client.get(path)
        assert answer.status_code != 429
        assert "RateLimit-Limit" not in answer.headers


def test_without_redis_requests_pass(limited, configure):
    client = with_key(limited(RATE_LIMIT_KEY="2 per hour", REDIS_URL="redis://127.0.0.1:1/0"))
    answers = [client.get("/v1/jobs") for _ in range(3)]
    # This process goes on counting for itself.
    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_the_defaults_let_bulk_users_work(embedded):
    client = with_key(create_app())
    assert int(client.get("/v1/jobs").headers["RateLimit-Limit"]) == 6000
    assert get_settings().quota_jobs == get_settings().quota_minutes == get_settings().quota_stored_bytes == 0
