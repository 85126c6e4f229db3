"""Builds a job's plan: every digest is known before anything runs, because it names inputs, not outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.digest import stage_digest
from core.models import Asset
from core.plan import StagePlan
from tasks.stages import STAGES


@dataclass(frozen=True)
class Output:
    """One file that a planned stage will make."""

    stage: str
    file: str


class Planner:
    """Collects the stages of one job, in an order in which each comes after all that it needs."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._stages: dict[str, StagePlan] = {}
        self._assets: dict[str, Asset] = {}

    @property
    def stages(self) -> tuple[StagePlan, ...]:
        """The stages planned so far."""
        return tuple(self._stages.values())

    def add(
        self,
        name: str,
        *,
        params: Mapping[str, object],
        inputs: Mapping[str, Asset | Output],
        after: Sequence[str] = (),
        outputs: Mapping[str, tuple[str, str]] | None = None,
        streams: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        """Plan a stage of the registry.

        It reads `inputs` and starts when their stages and those of `after` are done. `outputs` maps a name in the job
        document to a file of the stage and the suffix of its download's name. `streams` maps a name to the file that
        describes what is played, and to the stage from whose end on some of it can be.
        """
        self._assets |= {source.id: source for source in inputs.values() if isinstance(source, Asset)}
        declared = STAGES[name]
        sources = {label: self._source(source) for label, source in inputs.items()}
        needs = {source.stage: None for source in inputs.values() if isinstance(source, Output)} | dict.fromkeys(after)
        self._stages[name] = StagePlan(
            name=name,
            queue=name,
            weight=declared.weight,
            version=declared.version,
            digest=stage_digest(
                stage=name,
                version=declared.version,
                params=params,
                inputs={label: self._identity(source) for label, source in inputs.items()},
                account=self._account_id,
            ),
            params=params,
            inputs=sources,
            needs=tuple(needs),
            outputs={label: {"file": file, "suffix": suffix} for label, (file, suffix) in (outputs or {}).items()}
            | {label: {"file": file, "stream": first} for label, (file, first) in (streams or {}).items()},
        )

    def moderate(self, rules: str) -> None:
        """Plan that a moderator, named by its `rules`, judges every asset that is read; what reads one waits for it."""
        files = {f"file-{place}": asset for place, asset in enumerate(self._assets.values())}
        readers = [
            stage
            for stage in self._stages.values()
            if stage.name != "probe" and any("asset" in source for source in stage.inputs.values())
        ]
        params = {"rules": rules, "files": {label: asset.sha256 for label, asset in files.items()}}
        self.add("moderate", params=params, inputs=files, after=["probe"])
        first = {name: self._stages.pop(name) for name in ("probe", "moderate")}
        waiting = {stage.name: replace(stage, needs=(*stage.needs, "moderate")) for stage in readers}
        self._stages = first | self._stages | waiting

    def _source(self, source: Asset | Output) -> dict[str, str]:
        if isinstance(source, Asset):
            return {"asset": source.id}
        return {"digest": self._stages[source.stage].digest, "file": source.file}

    def _identity(self, source: Asset | Output) -> str:
        if isinstance(source, Asset):
            return f"sha256:{source.sha256}"
        return f"{self._stages[source.stage].digest}/{source.file}"
