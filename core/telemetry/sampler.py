"""Which spans are kept. Loaded only where traces are on."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes
from typing_extensions import override

_ENTRANCES = {SpanKind.SERVER, SpanKind.CONSUMER}


class Entrances(Sampler):
    """A `share` of all requests, whatever their clients wish, and then everything that is done for them.

    A stage whose job bears no trace is an entrance as well. Spans that stand below none are dropped.
    """

    def __init__(self, share: float) -> None:
        self._share = TraceIdRatioBased(share)

    @override
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide when a span begins."""
        parent = get_current_span(parent_context).get_span_context()
        if kind is SpanKind.SERVER or (kind in _ENTRANCES and not parent.is_valid):
            return self._share.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        kept = parent.is_valid and parent.trace_flags.sampled
        return SamplingResult(Decision.RECORD_AND_SAMPLE if kept else Decision.DROP, attributes if kept else None)

    @override
    def get_description(self) -> str:
        """Name the sampler."""
        return f"Entrances{{{self._share.rate}}}"
