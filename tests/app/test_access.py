"""Every operation, and who may ask for it: the table names each endpoint, and fails when one is missing.

A row says what the endpoint needs and, where another account's key meets an object of ours, what it answers. Paths are
filled with real objects of the owner's account.
"""

import re
import shutil
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask

from app import create_app, security
from app.security import PERSON, PUBLIC, SIGNED_IN, Needs
from core import accounts, brand_kits, keys, members, scopes, signed
from core.db import transaction
from core.models import Membership, Upload, User, WebhookDelivery, now
from core.settings import get_settings
from core.webhooks import endpoints
from tests.app.test_problems import problem
from tests.core import rows


@dataclass(frozen=True)
class Row:
    """`needs` is a scope or what the endpoint declares; `other` the code of a 404 for another account, if it names
    anything that can be another's."""

    needs: str | Needs
    other: str | None = None
    body: dict | None = None

    @property
    def declared(self) -> Needs:
        return Needs(scope=self.needs) if isinstance(self.needs, str) else self.needs


NEW_EDIT = {"input": "{asset_id}", "keep": [{"start": 0, "end": 1}]}
KIT = {"name": "House"}
NEW_IMAGE = {"input": "{asset_id}", "outputs": [{"name": "small"}]}
TABLE = {
    "api-docs.openapi_json": Row(PUBLIC),
    "docs.page": Row(PUBLIC),
    "docs.start": Row(PUBLIC),
    "docs.asset": Row(PUBLIC),
    "health.check_health": Row(PUBLIC),
    "health.check_readiness": Row(PUBLIC),
    # The token in the path is the permission: see tests/app/test_storage.py.
    "storage.read_file": Row(PUBLIC),
    "storage.write_part": Row(PUBLIC),
    "uploads.create_upload": Row("assets:write"),
    "uploads.list_uploads": Row("assets:read"),
    "uploads.get_upload": Row("assets:read", other="upload_not_found"),
    "uploads.list_upload_parts": Row("assets:write", other="upload_not_found"),
    "uploads.complete_upload": Row("assets:write", other="upload_not_found"),
    "uploads.abort_upload": Row("assets:write", other="upload_not_found"),
    "assets.list_assets": Row("assets:read"),
    "assets.get_asset": Row("assets:read", other="asset_not_found"),
    "assets.delete_asset": Row("assets:write", other="asset_not_found"),
    "assets.get_asset_probe": Row("assets:read", other="asset_not_found"),
    "assets.get_asset_keyframes": Row("assets:read", other="asset_not_found"),
    "assets.download_asset": Row("assets:read", other="asset_not_found"),
    "images.sign_image_link": Row("assets:read", other="asset_not_found", body={"w": 16}),
    # The signature is the permission: see tests/app/test_image_links.py.
    "images.get_image": Row(PUBLIC),
    # As it is here: see tests/app/test_streams.py.
    "streams.get_playlist": Row(PUBLIC),
    "brand_kits.create_brand_kit": Row("assets:write", body=KIT),
    "brand_kits.list_brand_kits": Row("assets:read"),
    "brand_kits.get_brand_kit": Row("assets:read", other="brand_kit_not_found"),
    "brand_kits.replace_brand_kit": Row("assets:write", other="brand_kit_not_found", body=KIT),
    "brand_kits.delete_brand_kit": Row("assets:write", other="brand_kit_not_found"),
    "jobs.create_edit_job": Row("jobs:write", other="asset_not_found", body=NEW_EDIT),
    "jobs.create_image_job": Row("jobs:write", other="asset_not_found", body=NEW_IMAGE),
    "jobs.list_jobs": Row("jobs:read"),
    "jobs.get_job": Row("jobs:read", other="job_not_found"),
    "jobs.cancel_job": Row("jobs:write", other="job_not_found"),
    "jobs.retry_job": Row("jobs:write", other="job_not_found"),
    "usage.get_usage": Row("usage:read"),
    "events.follow_job": Row(Needs(scope="jobs:read", ticket=True), other="job_not_found"),
    "sockets.follow_job_by_socket": Row(Needs(scope="jobs:read", ticket=True), other="job_not_found"),
    "events.create_job_ticket": Row("jobs:read", other="job_not_found"),
    "auth.register": Row(PUBLIC),
    "auth.verify_email": Row(PUBLIC),
    "auth.login": Row(PUBLIC),
    "auth.refresh": Row(PUBLIC),
    "auth.forgot_password": Row(PUBLIC),
    "auth.reset_password": Row(PUBLIC),
    "auth.accept_invitation": Row(PUBLIC),
    "auth.logout": Row(PERSON),
    "oauth.begin_oauth": Row(PUBLIC),
    "oauth.finish_oauth": Row(PUBLIC),
    "accounts.get_me": Row(SIGNED_IN),
    "accounts.list_members": Row("members:read"),
    "accounts.change_member": Row("members:write", other="user_not_found", body={"role": "admin"}),
    "accounts.remove_member": Row("members:write", other="user_not_found"),
    "accounts.create_invitation": Row("members:write"),
    "accounts.list_invitations": Row("members:read"),
    "accounts.delete_invitation": Row("members:write", other="invitation_not_found"),
    "accounts.list_audit_events": Row("audit:read"),
    "keys.create_key": Row("keys:write"),
    "keys.list_keys": Row("keys:read"),
    "keys.revoke_key": Row("keys:write", other="key_not_found"),
    "webhooks.create_webhook": Row("webhooks:write", body={"url": "https://example.com/"}),
    "webhooks.list_webhooks": Row("webhooks:read"),
    "webhooks.get_webhook": Row("webhooks:read", other="webhook_not_found"),
    "webhooks.update_webhook": Row("webhooks:write", other="webhook_not_found"),
    "webhooks.delete_webhook": Row("webhooks:write", other="webhook_not_found"),
    "webhooks.rotate_webhook_secret": Row("webhooks:write", other="webhook_not_found"),
    "webhooks.rotate_job_url_secret": Row("webhooks:write"),
    "deliveries.list_deliveries": Row("webhooks:read"),
    "deliveries.get_delivery": Row("webhooks:read", other="delivery_not_found"),
    "deliveries.redeliver_delivery": Row("webhooks:write", other="delivery_not_found"),
}
# OpenAPI has no words for a WebSocket.
NOT_SHOWN = ("docs.", "api-docs.", "sockets.")
GUARDED = [endpoint for endpoint, row in TABLE.items() if not row.declared.public]
SCOPED = [endpoint for endpoint, row in TABLE.items() if row.declared.scope]
NAMING = [endpoint for endpoint, row in TABLE.items() if row.other]


@dataclass(frozen=True)
class World:
    """The application, one object of each kind that the owner has, and tokens by who holds them."""

    app: Flask
    objects: dict[str, str]
    other: str
    viewer: str

    def token(self, held, *, account_id=None, **more) -> str:
        """A key with scopes, of the owner's account where no other is named."""
        made = keys.generate()
        account_id = account_id or accounts.default_account().id
        with transaction() as session:
            session.add(keys.row(account_id, made, name="test", wanted=sorted(held), **more))
        return made

    def ask(self, endpoint, token=None, **query):
        """Request an endpoint on the owner's objects."""
        [rule] = self.app.url_map.iter_rules(endpoint)
        [method] = rule.methods - {"HEAD", "OPTIONS"}
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: self.objects.get(found[1], "x"), rule.rule)
        body = TABLE[endpoint].body
        filled = {
            name: self.objects["asset_id"] if value == "{asset_id}" else value for name, value in (body or {}).items()
        }
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Connection": "Upgrade", "Upgrade": "websocket"} if rule.websocket else {}
        return self.app.test_client().open(
            path, method=method, headers=headers, query_string=query, json=filled if method != "GET" else None
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory, empty_sqlite, valkey_url):
    folder = tmp_path_factory.mktemp("access")
    shutil.copy(empty_sqlite, folder / "cutwork.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"sqlite:///{folder / 'cutwork.db'}")
        patch.setenv("STORAGE_DIR", str(folder / "storage"))
        patch.setenv("BROKER_URL", valkey_url())
        patch.setenv("MAIL_DIR", str(folder / "mail"))
        get_settings.cache_clear()
        webhook, _ = endpoints.create(
            accounts.default_account().id, url="https://example.com/", description="", events=["job.running"]
        )
        job = rows.make_job()
        with transaction() as session:
            delivery = WebhookDelivery(
                account_id=job.account_id, endpoint_id=webhook.id, event="job.running", job_id=job.id, deadline=now()
            )
            session.add(delivery)
        with transaction() as session:
            upload = Upload(
                account_id=job.account_id, filename="a.mp4", content_type="video/mp4", size=1, part_size=5 * 2**20,
                storage_key="assets/x/source", multipart_id="m", expires_at=now() + timedelta(hours=1),
            )  # fmt: skip
            session.add(upload)
        with transaction() as session:
            viewer = User(email="viewer@example.org", name="", verified_at=now())
            key = keys.row(job.account_id, keys.generate(), name="shown", wanted=["jobs:read"])
            session.add_all([viewer, key])
            session.flush()
            session.add(Membership(account_id=job.account_id, user_id=viewer.id, role=scopes.VIEWER))
        admin = scopes.Principal(account_id=job.account_id, scopes=scopes.ROLES[scopes.ADMIN])
        invitation = members.invite(admin, "new@example.org", scopes.MEMBER)
        objects = {
            "job_id": job.id,
            "asset_id": job.input_asset_id,
            "upload_id": upload.id,
            "user_id": viewer.id,
            "key_id": key.id,
            "invitation_id": invitation.id,
            "webhook_id": webhook.id,
            "brand_kit_id": brand_kits.create(job.account_id, "House", {}).id,
            "delivery_id": delivery.id,
        }
        yield World(create_app(), objects, rows.make_account("other"), viewer.id)


def test_the_table_is_whole(world):
    declared = {rule.endpoint: security.needs_of(world.app, rule.endpoint) for rule in world.app.url_map.iter_rules()}
    assert declared == {endpoint: row.declared for endpoint, row in TABLE.items()}
    for endpoint in declared:
        [rule] = world.app.url_map.iter_rules(endpoint)
        ids = {argument for argument in rule.arguments if argument.endswith("_id")}
        assert ids <= set(world.objects), f"{endpoint}: say in `world` what its {ids} is"
        row = TABLE[endpoint]
        assert not ids or row.other or row.needs == PUBLIC, f"{endpoint}: say what another account is answered"


def test_the_document_says_the_same(world):
    paths = world.app.test_client().get("/openapi.json").json["paths"]
    operations = {one["operationId"]: one for item in paths.values() for one in item.values() if isinstance(one, dict)}
    shown = {endpoint: row for endpoint, row in TABLE.items() if not endpoint.startswith(NOT_SHOWN)}
    assert {endpoint.split(".")[1] for endpoint in shown} == set(operations)
    for endpoint, row in shown.items():
        operation = operations[endpoint.split(".")[1]]
        assert operation["security"] == row.declared.security()
        refused = {"401"} | ({"403"} if row.declared.scope or row.declared.person else set())
        assert row.declared.public or refused <= set(operation["responses"])


@pytest.mark.parametrize("endpoint", GUARDED)
def test_no_token(world, endpoint):
    answer = world.ask(endpoint)
    problem(answer, 401, "authentication_required")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="cutwork"'


@pytest.mark.parametrize("endpoint", GUARDED)
def test_a_token_that_is_not_good(world, endpoint):
    everything = scopes.SCOPES
    expired = world.token(everything, expires_at=now() - timedelta(seconds=1))
    revoked = world.token(everything, revoked_at=now())
    altered = world.token(everything)[:-1] + "x"
    answer = world.ask(endpoint, expired)
    problem(answer, 401, "token_expired")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    for token in (revoked, altered, keys.generate(), "cw_", "nonsense", "a.b.c"):
        problem(world.ask(endpoint, token), 401, "invalid_token")


@pytest.mark.parametrize("endpoint", SCOPED)
def test_a_token_without_the_scope(world, endpoint):
    token = world.token(set(scopes.SCOPES) - {TABLE[endpoint].declared.scope})
    problem(world.ask(endpoint, token), 403, "insufficient_scope")


@pytest.mark.parametrize("endpoint", NAMING)
def test_another_account(world, endpoint):
    token = world.token(scopes.SCOPES, account_id=world.other)
    problem(world.ask(endpoint, token), 404, TABLE[endpoint].other)


LISTS = [one for one in GUARDED if one.rpartition(".")[2].startswith("list_")]


@pytest.mark.parametrize("endpoint", LISTS)
def test_a_list_goes_on_after_a_cursor(world, endpoint):
    if not TABLE[endpoint].other:
        token = world.token(scopes.SCOPES)
        seen = {one["id"] for one in world.ask(endpoint, token).json["data"]}
        assert {one["id"] for one in world.ask(endpoint, token, cursor="z" * 26).json["data"]} == seen
        assert world.ask(endpoint, token, cursor="0" * 26).json == {"data": [], "next": None}


@pytest.mark.parametrize("endpoint", LISTS)
def test_a_list_shows_nothing_of_another_account(world, endpoint):
    if not TABLE[endpoint].other:
        ours, theirs = (
            {one["id"] for one in world.ask(endpoint, token).json["data"]}
            for token in (world.token(scopes.SCOPES), world.token(scopes.SCOPES, account_id=world.other))
        )
        assert ours
        assert not ours & theirs


@pytest.mark.parametrize("endpoint", SCOPED)
def test_a_viewer_reads_and_nothing_else(world, endpoint):
    scope = TABLE[endpoint].declared.scope
    # The key claims everything, as one that was made before its owner became a viewer.
    token = world.token(scopes.SCOPES, user_id=world.viewer)
    if scope in scopes.ROLES[scopes.VIEWER]:
        assert scope.endswith(":read") or scope == "keys:write"
    else:
        problem(world.ask(endpoint, token), 403, "insufficient_scope")


def test_a_ticket_is_for_the_events_of_one_job(world):
    answer = world.ask("events.create_job_ticket", world.token({"jobs:read"}))
    assert answer.status_code == 201
    client, ticket = world.app.test_client(), answer.json["ticket"]
    job, other = world.objects["job_id"], rows.make_job(salt="other").id
    with client.get(f"/v1/jobs/{job}/events?ticket={ticket}") as followed:
        assert followed.status_code == 200
    problem(client.get(f"/v1/jobs/{other}/events?ticket={ticket}"), 403, "ticket_of_another_job")
    problem(client.get(f"/v1/jobs/{job}/events?ticket={ticket[:-2]}xx"), 401, "invalid_token")
    problem(client.get(f"/v1/jobs/{job}?ticket={ticket}"), 401, "authentication_required")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signed, "TICKET_S", -1)
        problem(client.get(f"/v1/jobs/{job}/events?ticket={ticket}"), 401, "token_expired")
