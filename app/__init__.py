"""The HTTP API: a Flask application that translates requests to `core` and `pipelines`, and answers to JSON."""

from __future__ import annotations

from importlib.metadata import version

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import (
    errors,
    hardening,
    limits,
    metrics,
    oauth,
    openapi,
    patience,
    request_ids,
    request_log,
    security,
    storage,
    streams,
    traces,
)
from app.blueprint import Api, JobConverter, refuse_malformed_ids
from app.resources import (
    accounts,
    assets,
    auth,
    brand_kits,
    deliveries,
    docs,
    events,
    health,
    images,
    jobs,
    keys,
    sockets,
    uploads,
    usage,
    webhooks,
)
from app.resources import oauth as oauth_pages
from app.resources import storage as storage_files
from app.resources import streams as stream_playlists
from core.log import configure_logging
from core.settings import get_settings
from pipelines.image_fields import Aspect, LengthField, Number
from pipelines.times import Share, Time

MAX_JSON_BYTES = 2**20
_RESOURCES = (
    uploads,
    assets,
    images,
    jobs,
    stream_playlists,
    brand_kits,
    events,
    usage,
    webhooks,
    deliveries,
    auth,
    oauth_pages,
    accounts,
    keys,
    storage_files,
    health,
)


def create_app() -> Flask:
    """Return the application, configured from the environment; `gunicorn 'app:create_app()'` serves it.

    Raises InputError `secret_key_missing`.
    """
    configure_logging(json=get_settings().log_json)
    secret = get_settings().signing_secret
    app = Flask(__name__, static_folder=None)
    traces.init_app(app)
    app.config.update(
        API_TITLE="Cutwork",
        API_VERSION=version("cutwork"),
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        API_SPEC_OPTIONS={
            "info": {"description": "Upload a recording, name what to keep, get a finished, branded cut."},
            "servers": [{"url": "/"}],
        },
        SECRET_KEY=secret,
        # Parts of an upload to local storage are not bound by it: they are written to disk as they come.
        MAX_CONTENT_LENGTH=MAX_JSON_BYTES,
    )
    hops = get_settings().trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=0)  # type: ignore[method-assign]
    app.url_map.converters["job"] = JobConverter
    app.json.sort_keys = False  # type: ignore[attr-defined]
    metrics.init_app(app)
    request_ids.init_app(app)
    storage.init_app(app)
    streams.init_app(app)
    patience.init_app(app)
    limits.init_app(app)
    security.init_app(app)
    oauth.init_app(app)
    request_log.init_app(app)
    app.before_request(refuse_malformed_ids)
    hardening.init_app(app)
    api = Api(app)
    errors.init_app(app)
    for number in (Time, Share, Number, LengthField, Aspect):
        api.register_field(number, ["string", "number"], None)
    openapi.show_alternatives(api)
    openapi.show_settings(api)
    openapi.show_security(api)
    for resource in _RESOURCES:
        api.register_blueprint(resource.blp)
    app.register_blueprint(docs.blp)
    sockets.init_app(app)
    return app
