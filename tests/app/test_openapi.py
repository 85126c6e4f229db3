import re

import pytest
from marshmallow import Schema
from openapi_spec_validator import validate

from app import create_app
from app.schemas import asset as asset_schemas
from pipelines.registry import PIPELINES

# OpenAPI has no words for a WebSocket.
UNDOCUMENTED = {"/openapi.json", "/docs", "/docs/start.js", "/docs/{name}", "/v1/jobs/{job_id}/ws"}


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
        assert "500" in operation["responses"], where
        counted = path.startswith("/v1/") and not path.startswith("/v1/storage/")
        assert ("429" in operation["responses"]) == counted, where
        assert "default" in operation["responses"], where
        for status, response in operation["responses"].items():
            if status != "default" and (int(status) < 400 or (path, status) == ("/readyz", "503")):
                continue
            name = response["$ref"].removeprefix("#/components/responses/")
            content = document["components"]["responses"][name]["content"]
            assert list(content) == ["application/problem+json"], where
            assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


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
