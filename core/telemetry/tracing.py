"""Traces by OpenTelemetry: from a request through every stage to storage and database. Off unless `TRACES_URL` is set.

A job keeps the `traceparent` (https://www.w3.org/TR/trace-context/) of the request that made it; whoever sends its
canvas, also the reconciler a day later, sends it along. Spans begin at an entrance, a request or a stage, and what is
done on no one's behalf (beat's looks, heartbeats) makes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.settings import get_settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from sqlalchemy import Engine

HEADER = "traceparent"
_DELAY_MS = 1000
_state: dict[str, TracerProvider] = {}


def start(service: str) -> bool:
    """Begin to trace this process, after its fork; False when traces are off or have begun.

    Raises InputError `traces_not_installed` when the packages for it are missing.
    """
    settings = get_settings()
    if not settings.traces_url or _state:
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
        from opentelemetry.instrumentation.threading import ThreadingInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from core.telemetry.sampler import Entrances
    except ModuleNotFoundError as error:
        message = f"TRACES_URL is set, but {error.name} is not installed: pip install 'cutwork[traces]', or unset it."
        raise InputError("traces_not_installed", message) from error
    provider = TracerProvider(
        resource=Resource.create({"service.name": service}), sampler=Entrances(settings.traces_share)
    )
    exporter = OTLPSpanExporter(endpoint=settings.traces_url)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_DELAY_MS))
    _state["provider"] = provider
    # Uploads are sent by threads, on behalf of the stage that began them.
    ThreadingInstrumentor().instrument()
    BotocoreInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]
    return True


def stop() -> None:
    """Send what is left, and trace no more."""
    if _state:
        _state.pop("provider").shutdown()


def provider() -> TracerProvider | None:
    """What makes spans in this process; None when traces are off."""
    return _state.get("provider")


def watch_engine(engine: Engine) -> None:
    """Trace the statements of a database engine, without the values in them."""
    if _state:
        from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

        # It declares itself for SQLAlchemy below 2.1; what it uses, events of engines, is the same there. Tests tell.
        SQLAlchemyInstrumentor().instrument(engine=engine, tracer_provider=_state["provider"], skip_dep_check=True)


def carried() -> str | None:
    """Return the `traceparent` of what this thread does now; None when that is not traced."""
    if not _state:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(HEADER)


def span(name: str, parent: str | None, attributes: Mapping[str, Any]) -> AbstractContextManager[object]:
    """Make an entrance that goes on with the trace `parent` (a `traceparent`), for as long as its block lasts."""
    if not _state:
        return nullcontext()
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return (
        _state["provider"]
        .get_tracer("cutwork")
        .start_as_current_span(
            name,
            context=TraceContextTextMapPropagator().extract({HEADER: parent} if parent else {}),
            kind=SpanKind.CONSUMER,
            attributes=dict(attributes),
        )
    )


def unseen() -> AbstractContextManager[object]:
    """Trace nothing of what this thread does in the block."""
    if not _state:
        return nullcontext()
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    return suppress_instrumentation()
