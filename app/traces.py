"""A span for each request, when traces are on."""

from __future__ import annotations

from flask import Flask

from core.telemetry import tracing

_UNSEEN = "healthz,readyz"


def init_app(app: Flask) -> None:
    """Trace requests; what a client says of its own trace is taken up."""
    if tracing.start("cutwork-api"):
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        instrument = FlaskInstrumentor().instrument_app
        instrument(app, excluded_urls=_UNSEEN, tracer_provider=tracing.provider())  # type: ignore[no-untyped-call]
