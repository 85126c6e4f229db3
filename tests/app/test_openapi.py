import re
from functools import partial

import pytest
from jsonschema import Draft202012Validator
from marshmallow import Schema
from openapi_spec_validator import validate

from app import create_app
from app.contract import codes_of
from app.errors import status_of
from app.schemas import asset as asset_schemas
from app.schemas.problem import ProblemSchema
from pipelines.registry import PIPELINES
from tests.app.raised import raised

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CHECKED = partial(Draft202012Validator, format_checker=Draft202012Validator.FORMAT_CHECKER)
# OpenAPI has no words for a WebSocket.
UNDOCUMENTED = {"/openapi.json", "/docs", "/docs/start.js", "/docs/{name}", "/v1/jobs/{job_id}/ws"}

# What is called by operations that cannot come to it: those take no address, no webhook, and no account to sign in to.
_NO_ADDRESS = {"url_not_moderated", "url_refused", "webhook_secret_missing"}
UNREACHABLE = {
    "images.get_image": _NO_ADDRESS | {"job_not_found"},
    "images.sign_image_link": _NO_ADDRESS,
    "auth.accept_invitation": {"account_not_found"},
    "oauth.finish_oauth": {"account_not_found"},
    # Told as a check that fails.
    "health.check_readiness": {"database_unavailable", "events_unavailable"},
}


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def test_the_document_is_valid(document):
    validate(document)


def test_every_route_is_documented(embedded, document):
    documented = {(path, method.upper()) for path, method, _ in operations(document)}
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in create_app().url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {route for route in routes if route[0] not in UNDOCUMENTED} == documented


def test_every_operation_has_a_name_a_summary_and_problems(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert "\n" not in operation["summary"], where
        if method != "get":
            assert len(operation["description"]) > 40, where
        counted = path.startswith("/v1/") and not path.startswith("/v1/storage/")
        codes = {status: response.get("x-codes", []) for status, response in operation["responses"].items()}
        assert "internal_error" in codes["500"], where
        assert ("too_many_requests" in codes.get("429", [])) == counted, where
        assert "default" in operation["responses"], where
        for status, response in operation["responses"].items():
            if status != "default" and (int(status) < 400 or (path, status) == ("/readyz", "503")):
                continue
            if "$ref" in response:
                assert status == "default", where
                name = response["$ref"].removeprefix("#/components/responses/")
                response = document["components"]["responses"][name]  # noqa: PLW2901
            content = response["content"]
            assert list(content) == ["application/problem+json"], where
            assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert all(f"`{code}`" in response["description"] for code in codes[status]), where
            if status != "default":
                example = content["application/problem+json"]["example"]
                assert not ProblemSchema().validate(example)
                assert str(example["status"]) == status
                assert example["code"] in (codes[status] or ["damaged_file"]), where


def test_no_code_that_an_operation_can_raise_is_left_out(embedded):
    app = create_app()
    found = 0
    for endpoint, view in app.view_functions.items():
        told = codes_of(view)
        if not told:
            continue
        for kind, code in raised(view) | of_pipeline(endpoint):
            status = status_of(kind, code)
            if status != 500 and code not in UNREACHABLE.get(endpoint, ()):
                assert code in told.get(status, ()), f"{endpoint}: {status} {code}"
                found += 1
    # The source was read: what it raises in plain sight alone is more than this.
    assert found > 200


def of_pipeline(endpoint):
    """What the plan and the schema of a job's pipeline raise: no name in the view leads there."""
    for pipeline in PIPELINES.values():
        if endpoint == f"jobs.create_{pipeline.name}_job":
            methods = vars(pipeline.schema).values()
            return set().union(raised(pipeline.plan), raised(pipeline.forecast), *map(raised, methods))
    return set()


def test_every_body_has_an_example_that_is_one(document):
    shown = 0
    for path, method, operation in operations(document):
        answers = [answer for status, answer in operation["responses"].items() if status[0] == "2"]
        for body in [*answers, operation.get("requestBody", {})]:
            for kind, content in body.get("content", {}).items():
                if kind != "application/json":
                    continue
                schema = {"$schema": DIALECT, **content["schema"], "components": document["components"]}
                problems = [
                    f"{error.json_path}: {error.message}" for error in CHECKED(schema).iter_errors(content["example"])
                ]
                assert not problems, f"{method} {path}: {problems}"
                shown += 1
    assert shown > 60


def test_every_pipeline_has_an_operation(document):
    for name, pipeline in PIPELINES.items():
        body = document["paths"][f"/v1/jobs/{name}"]["post"]["requestBody"]["content"]["application/json"]
        assert not pipeline.schema().validate(dict(body["example"]))


def test_the_media_schema_shows_all_that_a_probe_finds():
    from media.facts import MediaInfo
    from media.keyframes import KeyframeMap

    def shown(schema: type[Schema]):
        return set(schema().fields)

    assert set(MediaInfo(kind="video", container="mp4", size=1).to_dict()) == shown(asset_schemas.MediaSchema)
    assert set(KeyframeMap((), "index").to_dict()) == shown(asset_schemas.KeyframesSchema)


def test_the_docs_page_needs_no_internet(client):
    page = client.get("/docs")
    assert page.content_type.startswith("text/html")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) >= 4
    for link in links:
        assert not link.startswith(("http", "//"))
        assert client.get(f"/{link}").status_code == 200
    assert 'url: "openapi.json"' in client.get("/docs/start.js").text


def test_the_docs_serve_nothing_else(client):
    assert client.get("/docs/../__init__.py").status_code == 404
    assert client.get("/docs/%2e%2e/__init__.py").status_code == 404
