"""Signing in, accounts, their people, keys and audit log."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from core.scopes import ROLES, SCOPES

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 128
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What a mail's header would read as something else: quoted parts, and encoded words (RFC 2047).
_NOT_IN_HEADERS = re.compile(r"[\"\\]|=\?")
_ONCE = {"description": "Shown this once."}


def _is_plain(text: str) -> None:
    if _CONTROL.search(text):
        raise ValidationError("A name has no control characters.")


def _name(description: str, **options: object) -> fields.String:
    checks = [validate.Length(max=200), _is_plain]
    return fields.String(validate=checks, metadata={"description": description}, **options)  # type: ignore[arg-type]


def _is_bare(address: str) -> None:
    if _CONTROL.search(address) or _NOT_IN_HEADERS.search(address):
        raise ValidationError("Not a valid email address.")


def _email() -> fields.Email:
    checks: list[Callable[[str], Any]] = [validate.Length(max=254), _is_bare]
    return fields.Email(required=True, validate=checks, metadata={"example": "ada@example.org"})


def _password(shortest: int = 1) -> fields.String:
    length = validate.Length(shortest, LONGEST_PASSWORD)
    return fields.String(required=True, validate=length, load_only=True, metadata={"format": "password"})


def _mailed() -> fields.String:
    return fields.String(required=True, validate=validate.Length(1, 2048), metadata={"description": "From the mail."})


def _role() -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(list(ROLES)))


class Registration(Schema):
    """A new person."""

    email = _email()
    password = _password(SHORTEST_PASSWORD)
    name = _name("Of the person.", load_default="")
    account_name = _name("Of the account that is made for them.", load_default="")


class Address(Schema):
    """An e-mail address."""

    email = _email()


class Verification(Schema):
    """A token from a mail, and the password that was registered with the address."""

    token = _mailed()
    password = _password()


class NewPassword(Schema):
    """A token from a mail, and the password that shall count from now on."""

    token = _mailed()
    password = _password(SHORTEST_PASSWORD)


class Acceptance(Schema):
    """A token from an invitation; who is known already sends the password that they have."""

    token = _mailed()
    password = _password(SHORTEST_PASSWORD)
    name = _name("Of a new person.", load_default="")


class Login(Schema):
    """An address, a password, and, for who belongs to several, the account."""

    email = _email()
    password = _password()
    account_id = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=40))


class RefreshSchema(Schema):
    """A refresh token; it is good once."""

    refresh_token = fields.String(required=True, validate=validate.Length(1, 128), load_only=True)


class AcceptedSchema(Schema):
    """The request was taken; what comes of it comes by mail."""

    status = fields.Constant("accepted", required=True)


class TokensSchema(Schema):
    """Tokens of a person in one account."""

    access_token = fields.String(required=True, metadata={"description": "A Bearer token, for 15 minutes."})
    token_type = fields.String(required=True, metadata={"example": "Bearer"})
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
    refresh_token = fields.String(required=True, metadata={"description": "Good once, within 7 days."})
    refresh_expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
    account_id = fields.String(required=True)
    user_id = fields.String(required=True)
    role = fields.String(required=True)


class AccountSchema(Schema):
    """An account, and the role in it."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, allow_none=True)


class PersonSchema(Schema):
    """A person."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)


class MeSchema(Schema):
    """Who asks, and what they may do."""

    account = fields.Nested(AccountSchema, required=True)
    user = fields.Nested(PersonSchema, required=True, allow_none=True)
    key_id = fields.String(required=True, allow_none=True)
    scopes = fields.List(fields.String(), required=True)
    accounts = fields.List(
        fields.Nested(AccountSchema), required=True, metadata={"description": "All that the person belongs to."}
    )


class MemberSchema(Schema):
    """A person in the account."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)
    created_at = fields.DateTime(required=True, metadata={"description": "When they came."})


class MemberListSchema(Schema):
    """One page of members."""

    data = fields.List(fields.Nested(MemberSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class RoleSchema(Schema):
    """A role."""

    role = _role()


class NewInvitation(Schema):
    """Whom to invite, and as what."""

    email = _email()
    role = _role()


class InvitationSchema(Schema):
    """An open invitation."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    role = fields.String(required=True)
    expires_at = fields.DateTime(required=True)
    created_at = fields.DateTime(required=True)


class InvitationListSchema(Schema):
    """One page of open invitations."""

    data = fields.List(fields.Nested(InvitationSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class NewKey(Schema):
    """An API key to make."""

    name = _name("To tell keys apart.", required=True)
    scopes = fields.List(
        fields.String(validate=validate.OneOf(list(SCOPES))),
        required=True,
        validate=validate.Length(1, len(SCOPES)),
        metadata={"description": "No more than you have yourself."},
    )
    expires_at = fields.AwareDateTime(load_default=None, allow_none=True)


class KeySchema(Schema):
    """An API key, without its secret."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    prefix = fields.String(required=True, metadata={"example": "cw_k3f9x2ab"})
    scopes = fields.List(fields.String(), required=True)
    user_id = fields.String(required=True, allow_none=True, metadata={"description": "Who made it."})
    last_used_at = fields.DateTime(required=True, allow_none=True, metadata={"description": "To the minute."})
    expires_at = fields.DateTime(required=True, allow_none=True)
    revoked_at = fields.DateTime(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)


class MadeKeySchema(KeySchema):
    """A new API key."""

    key = fields.String(required=True, metadata=_ONCE)


class KeyListSchema(Schema):
    """One page of keys, newest first."""

    data = fields.List(fields.Nested(KeySchema), required=True)
    next = fields.String(required=True, allow_none=True)


class AuditEventSchema(Schema):
    """A sensitive act."""

    id = fields.String(required=True)
    action = fields.String(required=True, metadata={"example": "key.created"})
    actor = fields.String(required=True, allow_none=True, metadata={"description": "Id of a person or a key."})
    target = fields.String(required=True, allow_none=True)
    ip = fields.String(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)
    details = fields.Dict(required=True)
    created_at = fields.DateTime(required=True)


class AuditListSchema(Schema):
    """One page of the audit log, newest first."""

    data = fields.List(fields.Nested(AuditEventSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class TicketSchema(Schema):
    """A ticket for the events of one job."""

    ticket = fields.String(required=True, metadata={"description": "For `?ticket=` of the job's events."})
    expires_at = fields.DateTime(required=True)
