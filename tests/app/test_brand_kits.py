"""Brand kits: kept for one account, and taken by edits that name them."""

from __future__ import annotations

import pytest

from core import brand_kits, idempotency
from core.db import reading
from core.errors import NotFoundError
from core.models import Asset
from pipelines import edit
from pipelines.edit_schema import EditSchema
from tests.app.conftest import upload
from tests.app.test_problems import problem

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fcffff3f0005fe02fea7"
    "35810000000049454e44ae426082"
)


def test_a_kit_is_made_read_replaced_and_deleted(any_client):
    client = any_client
    logo = upload(client, PNG, filename="logo.png")["id"]
    given = {"name": "House", "logo": logo, "accent": "#FF8800", "intro": {"title": "Ours"}}
    made = client.post("/v1/brand-kits", json=given)
    assert made.status_code == 201, made.json
    kit = made.json
    assert made.headers["Location"] == f"/v1/brand-kits/{kit['id']}"
    assert (kit["name"], kit["logo"], kit["accent"], kit["intro"]["title"]) == ("House", logo, "#ff8800", "Ours")
    assert client.get(f"/v1/brand-kits/{kit['id']}").json == kit
    second = client.post("/v1/brand-kits", json={"name": "Other"}).json
    page = client.get("/v1/brand-kits?limit=1").json
    assert [one["id"] for one in page["data"]] == [second["id"]]
    assert client.get(f"/v1/brand-kits?cursor={page['next']}").json["data"] == [kit]
    put = client.put(f"/v1/brand-kits/{kit['id']}", json={"name": "New", "font": "serif"}).json
    assert (put["name"], put["font"], put["logo"], put["created_at"]) == ("New", "serif", None, kit["created_at"])
    assert client.delete(f"/v1/brand-kits/{kit['id']}").status_code == 204
    problem(client.get(f"/v1/brand-kits/{kit['id']}"), 404, "brand_kit_not_found")


def test_a_kit_that_is_asked_for_twice_with_one_key_is_made_once(client, monkeypatch):
    asked = {"json": {"name": "House"}, "headers": {"Idempotency-Key": "house"}}
    # The first answer is lost, as by a process that dies between the commit and its answer.
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "keep", lambda claimed, **_: idempotency.release(claimed))
        first = client.post("/v1/brand-kits", **asked)
    for replayed in (None, "true"):
        again = client.post("/v1/brand-kits", **asked)
        assert (again.status_code, again.json) == (201, first.json)
        assert again.headers.get("Idempotency-Replayed") == replayed
    assert [one["id"] for one in client.get("/v1/brand-kits").json["data"]] == [first.json["id"]]


def test_another_accounts_kit_is_not_there(client):
    kit = client.post("/v1/brand-kits", json={"name": "Mine"}).json
    for use in (brand_kits.get, brand_kits.delete, lambda *ids: brand_kits.replace(*ids, "Theirs", {})):
        with pytest.raises(NotFoundError) as raised:
            use("acc_somebody_else", kit["id"])
        assert raised.value.code == "brand_kit_not_found"
    assert brand_kits.page("acc_somebody_else", before=None, limit=9) == []


def test_a_kit_names_assets_of_the_account_only(client):
    problem(client.post("/v1/brand-kits", json={"name": "A", "logo": "ast_" + "0" * 26}), 404, "asset_not_found")
    problem(client.post("/v1/brand-kits", json={"name": "A", "accent": "red"}), 422, "invalid_request")
    problem(client.post("/v1/brand-kits", json={}), 422, "invalid_request")


def test_an_edit_takes_what_its_kit_says(client, sample):
    """The plan is the same as without the kit, when everything is said in the request."""
    logo = upload(client, PNG, filename="logo.png")["id"]
    asset = upload(client, sample.read_bytes())["id"]
    intro = {"title": "Ours", "accent": "#ff8800"}
    kit = client.post("/v1/brand-kits", json={"name": "House", "logo": logo, "accent": "#ff8800", "intro": intro}).json

    with reading() as session:
        account = session.get_one(Asset, asset).account_id

    def digest(brand):
        request = EditSchema().load({"input": asset, "keep": [{"end": 2}], "brand": brand})
        return [stage.digest for stage in edit.plan(account, request).stages if stage.name == "brand"]

    assert digest({"kit": kit["id"]}) == digest({"intro": intro, "logo": logo})
    assert digest({"kit": kit["id"], "intro": None}) == []
    body = {"input": asset, "keep": [{"end": 2}], "brand": {"kit": "kit_" + "0" * 26}}
    problem(client.post("/v1/jobs/edit", json=body), 404, "brand_kit_not_found")


@pytest.mark.parametrize(("duration", "refused"), [(3, False), (3.1, True)])
def test_a_transition_that_is_longer_than_a_title_is_refused_at_once(client, duration, refused):
    transition = {"type": "wipe", "duration": duration}
    kit = client.post("/v1/brand-kits", json={"name": "House", "transition": transition}).json
    brand = {"kit": kit["id"], "outro": {"title": "Bye", "duration": 3}}
    body = {"input": upload(client, PNG)["id"], "keep": [{"start": 0}], "brand": brand}
    answer = client.post("/v1/jobs/edit?dry_run=true", json=body)
    if refused:
        problem(answer, 422, "invalid_transition")
        assert "brand.transition" in answer.json["errors"]
    else:
        assert answer.status_code == 200, answer.json
