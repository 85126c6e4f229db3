"""People who sign up and in, and their post."""

import email
import email.policy
import re

from core import mail
from core.settings import get_settings

PASSWORD = "correct horse battery"
EMAIL = "ada@example.org"


def letters(to=EMAIL):
    """The mails to an address that were kept, oldest first."""
    mail.flush()
    folder = get_settings().mail_dir
    found = sorted(folder.glob("*.eml")) if folder.exists() else []
    parsed = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in found]
    return [one for one in parsed if one["To"] == to]


def token_of(letter):
    """The token that stands alone on a line of a mail."""
    [token] = re.findall(r"^[A-Za-z0-9_.-]{40,}$", letter.get_content(), re.MULTILINE)
    return token


def post(client, path, /, access="", **body):
    headers = {"Authorization": f"Bearer {access}" if access else ""}
    return client.post(f"/v1/auth/{path}", json=body, headers=headers)


def register(client, email=EMAIL, password=PASSWORD, **more):
    assert post(client, "register", email=email, password=password, **more).status_code == 202
    return token_of(letters(email)[-1])


def sign_up(client, email=EMAIL, password=PASSWORD, **more):
    """Register, confirm and sign in; return the tokens."""
    token = register(client, email, password, **more)
    assert post(client, "verify", token=token, password=password).status_code == 200
    return sign_in(client, email, password)


def sign_in(client, email=EMAIL, password=PASSWORD, **more):
    answer = post(client, "login", email=email, password=password, **more)
    assert answer.status_code == 200, answer.json
    return answer.json


def bearer(tokens):
    return {"Authorization": f"Bearer {tokens['access_token']}"}
