"""Signing in by way of others, against a provider that these tests run."""

import httpx
import pytest

from app import create_app
from tests.app import provider as providers
from tests.app.people import EMAIL, bearer, post, register, sign_in, sign_up
from tests.app.test_problems import problem


@pytest.fixture
def provider(embedded, configure):
    with providers.running() as running:
        configure(
            OAUTH_GOOGLE_CLIENT_ID=providers.CLIENT,
            OAUTH_GOOGLE_CLIENT_SECRET=providers.SECRET,
            OAUTH_GOOGLE_ISSUER=running.url,
            OAUTH_GITHUB_CLIENT_ID=providers.CLIENT,
            OAUTH_GITHUB_CLIENT_SECRET=providers.SECRET,
            OAUTH_GITHUB_URL=running.url,
            OAUTH_GITHUB_API_URL=f"{running.url}/api",
        )
        yield running


@pytest.fixture
def browser(provider):
    """A client with cookies."""
    return create_app().test_client()


def go(browser, name):
    """Begin; return the path that the provider sends the browser back to."""
    answer = browser.get(f"/v1/auth/oauth/{name}")
    assert answer.status_code == 302, answer.json
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    back = httpx.get(answer.headers["Location"]).headers["Location"]
    return back.removeprefix("http://localhost")


@pytest.mark.parametrize("name", ["google", "github"])
def test_a_new_person_and_again(browser, name):
    first, second = (browser.get(go(browser, name)).json for _ in range(2))
    assert first["user_id"] == second["user_id"]
    me = browser.get("/v1/me", headers=bearer(second)).json
    assert (me["user"]["email"], me["user"]["name"], me["account"]["role"]) == (EMAIL, "Ada", "admin")
    log = browser.get("/v1/audit", headers=bearer(second)).json["data"]
    assert [one["details"]["how"] for one in log if one["action"] == "login"] == [name, name]


def test_a_name_that_cannot_be_kept_as_it_is(browser, provider):
    provider.person["name"] = " Ada\x00 \u2028" + "x" * 300
    me = browser.get("/v1/me", headers=bearer(browser.get(go(browser, "google")).json)).json
    assert me["user"]["name"] == "Ada " + "x" * 196


def test_one_who_has_registered_here_is_the_same_person(browser):
    before = sign_up(browser)
    assert browser.get(go(browser, "google")).json["user_id"] == before["user_id"]
    sign_in(browser)


def test_a_password_of_somebody_who_never_confirmed_is_void(browser):
    register(browser, password="chosen by somebody")
    assert browser.get(go(browser, "google")).status_code == 200
    problem(post(browser, "login", email=EMAIL, password="chosen by somebody"), 401, "invalid_credentials")


@pytest.mark.parametrize("name", ["google", "github"])
def test_an_address_that_the_provider_has_not_verified(browser, provider, name):
    sign_up(browser)
    provider.person["email_verified"] = False
    problem(browser.get(go(browser, name)), 403, "email_not_verified")


def test_coming_back_is_bound_to_the_browser_that_began(browser):
    back = go(browser, "google")
    problem(create_app().test_client().get(back), 401, "oauth_refused")
    assert browser.get(back).status_code == 200
    problem(browser.get(back), 401, "oauth_refused")


def test_a_token_for_another_client_is_refused(browser, provider):
    provider.audience = "somebody else"
    problem(browser.get(go(browser, "google")), 401, "oauth_refused")


def test_a_person_who_declines(browser):
    go(browser, "google")
    problem(browser.get("/v1/auth/oauth/google/callback?error=access_denied&state=x"), 401, "oauth_refused")


def test_what_is_not_configured_is_off(client, configure):
    for path in ("google", "google/callback", "other"):
        problem(client.get(f"/v1/auth/oauth/{path}"), 404, "provider_not_configured")
    configure(OAUTH_GOOGLE_CLIENT_ID="x", OAUTH_GOOGLE_CLIENT_SECRET="x", OAUTH_GOOGLE_ISSUER="http://127.0.0.1:1")
    problem(create_app().test_client().get("/v1/auth/oauth/google"), 503, "provider_unavailable")
