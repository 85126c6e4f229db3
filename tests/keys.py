"""The API key that tests send, and the settings of an API that takes it."""

KEY = "cw_tests000_" + "0123456789abcdef" * 3
SECRET = "for-tests-only-0123456789"
SETTINGS = {"SECRET_KEY": SECRET, "BOOTSTRAP_API_KEY": KEY}
HEADERS = {"Authorization": f"Bearer {KEY}"}


def with_key(app):
    """Return a test client of an application that sends the key with every request."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
    return client
