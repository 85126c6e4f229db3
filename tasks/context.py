"""What a stage sees of the world: its parameters, its inputs, a scratch folder, its progress, and where to store."""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

import structlog

from core import artifacts, leases, scratch
from core import parts as core_parts
from core.db import reading
from core.errors import EngineError, InputError, TransientError
from core.imports.resolve import resolve
from core.leases import Claim
from core.models import Artifact, Asset, Job
from core.parts import PartPlan
from core.settings import Settings
from core.storage import Storage, Stream
from core.storage.ranged import RangedFile
from media.faststart import arrange, settled
from media.types import Range
from tasks.counted import CountedFile
from tasks.heartbeat import Heartbeat, LeaseLost
from tasks.stages import STAGES, Stage

_log = structlog.get_logger(__name__)

_TYPES = {".vtt": "text/vtt", ".mp4": "video/mp4", ".m4a": "audio/mp4", ".webp": "image/webp"}


@dataclass(frozen=True)
class Input:
    """One file that a stage reads."""

    key: str
    filename: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stage that another asks for: `kind` is its name in the registry, `inputs` names those of the asking stage by
    labels of its own, `share` is its part of the work, by any measure."""

    name: str
    kind: str
    params: Mapping[str, Any]
    inputs: Mapping[str, str]
    share: float


@dataclass(frozen=True)
class MadePart:
    """What a part has stored."""

    kind: str
    result: Mapping[str, Any]
    files: Mapping[str, Input]


class StageContext:
    """Handed to a stage's function; everything that it reads or writes passes through here."""

    def __init__(self, row: Claim, stage: Stage, *, storage: Storage, settings: Settings, beat: Heartbeat) -> None:
        self.params: Mapping[str, Any] = row.params
        self.settings = settings
        self.account_id = row.account_id
        self.artifact: Artifact | None = None
        self.expansion: tuple[list[PartPlan], Mapping[str, Any]] | None = None
        self.notes: Mapping[str, Any] | None = row.notes
        self.then: leases.Then | None = None
        self.storage = storage
        self._row = row
        self._stage = stage
        self._beat = beat
        self._attempt = uuid.uuid4().hex[:12]
        self._stored: list[str] = []
        self._streams: dict[Path, tuple[str, Stream]] = {}
        self._opened: list[RangedFile | CountedFile] = []

    @property
    def kept(self) -> list[Range]:
        """What the edit keeps that the stage is run for, by which to choose what to do first: never what comes out."""
        with reading() as session:
            keep = session.get_one(Job, self._row.job_id).params.get("keep", ())
        return [Range(Fraction(one["start"]), None if one["end"] is None else Fraction(one["end"])) for one in keep]

    def has_input(self, label: str) -> bool:
        """Whether the plan gave the stage an input of that label."""
        return label in self._row.inputs

    def input(self, label: str) -> Input:
        """Return the file behind a label; raises InputError `asset_deleted` when its asset is gone."""
        found = self.find(label)
        if found is None:
            raise EngineError("artifact_missing", f"The {label} that an earlier stage made is not there.")
        return found

    def find(self, label: str) -> Input | None:
        """Like `input`, but return None when the earlier stage had no such file to make."""
        source = self._row.inputs[label]
        with reading() as session:
            if "asset" in source:
                asset = session.get(Asset, source["asset"])
                if asset is None or asset.deleted_at:
                    raise InputError("asset_deleted", f"The {label} was deleted before this stage could read it.")
                return Input(asset.storage_key, asset.filename)
            found = artifacts.find(session, [source["digest"]]).get(source["digest"])
        if found is None:
            raise EngineError("artifact_missing", f"The {label} that an earlier stage made is not there.")
        entry = found.files.get(source["file"])
        return None if entry is None else Input(entry["key"], source["file"])

    def told(self, label: str) -> Mapping[str, Any]:
        """Return the result of the earlier stage that made an input."""
        with reading() as session:
            digest = self._row.inputs[label]["digest"]
            found = artifacts.find(session, [digest]).get(digest)
        if found is None:
            raise EngineError("artifact_missing", f"The {label} that an earlier stage made is not there.")
        return found.result

    @contextmanager
    def open(self, source: Input) -> Iterator[BinaryIO]:
        """Open an input for reading; it is seekable, and only the bytes that are read travel."""
        file = self.storage.open(source.key)
        counted = file if isinstance(file, RangedFile) else CountedFile(file)
        self._opened.append(counted)
        with closing(counted):
            yield cast(BinaryIO, counted)

    def expand(self, parts: Iterable[Part], notes: Mapping[str, Any]) -> None:
        """Ask for parts instead of storing a result: this stage runs again when they are done, with these `notes`."""
        self.expansion = (
            [
                PartPlan(
                    name=part.name,
                    kind=part.kind,
                    version=STAGES[part.kind].version,
                    params=part.params,
                    inputs={label: self._row.inputs[theirs] for label, theirs in part.inputs.items()},
                    share=part.share,
                )
                for part in parts
            ],
            notes,
        )

    def parts(self) -> list[MadePart]:
        """What the parts that this stage asked for have made, in their order."""
        with reading() as session:
            rows = core_parts.of(session.get_one(Job, self._row.job_id), self._row)
            found = artifacts.find(session, [row.digest for row in rows])
        missing = [row.name for row in rows if row.digest not in found]
        if missing:
            raise EngineError("artifact_missing", f"What the part {missing[0]} made is not there.")
        return [
            MadePart(
                row.kind,
                found[row.digest].result,
                {name: Input(entry["key"], name) for name, entry in found[row.digest].files.items()},
            )
            for row in rows
        ]

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield an empty folder that is gone afterwards, whatever happens."""
        with scratch.folder(self._stage.name, self.settings.scratch_dir) as folder:
            yield folder

    @contextmanager
    def output(self, name: str) -> Iterator[Path]:
        """Yield the path, in a scratch folder of its own, of an MP4 that goes to the storage while it is written.

        It is to be written with its index at its end; the file that `store` makes of it has the index in front. One
        that is not stored leaves nothing.
        """
        with self.scratch() as folder, ExitStack() as closing_down:
            path, key = folder / name, self._key(name)
            stream = self.storage.stream(
                key,
                path,
                content_type=_content_type(name),
                settled=settled,
                check=self._beat.check,
                patience_s=self.settings.commit_patience_s,
            )
            closing_down.callback(_close, stream)
            self._streams[path] = key, stream
            yield path

    def progress(self, fraction: Fraction) -> None:
        """Report how much of the stage is done (0 to 1); raises LeaseLost when it should stop."""
        self._beat.progress = max(0.0, min(float(fraction), 1.0))
        self._beat.check()

    def store(
        self,
        files: Mapping[str, Path],
        *,
        result: Mapping[str, object],
        warnings: Sequence[Mapping[str, str]] = (),
        media: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        """Put the files under the stage's digest; they count once the stage is committed.

        `result` is shown in the job document, with the bytes that were read and written; `media` holds facts of single
        files by name.
        """
        entries = {name: self._put(name, path, (media or {}).get(name)) for name, path in files.items()}
        self.artifact = Artifact(
            digest=self._row.digest,
            account_id=self.account_id,
            stage=self._stage.name,
            version=self._stage.version,
            files=entries,
            result={
                **result,
                "bytes_read": sum(file.bytes_read for file in self._opened),
                "bytes_written": sum(entry["size"] for entry in entries.values()),
            },
            warnings=[dict(warning) for warning in warnings],
        )

    @property
    def seconds(self) -> float:
        """How long the stage may take."""
        return float(self._stage.soft_limit_s)

    def remember(self, notes: Mapping[str, Any]) -> None:
        """Keep notes for the next attempt of this stage; raises LeaseLost."""
        if not leases.remember(self._beat.lease, notes):
            raise LeaseLost

    def provide(self, asset: Asset) -> None:
        """Make an asset what the other stages of the job read; it counts once the stage is committed."""
        versions = {name: stage.version for name, stage in STAGES.items()}
        self.then = lambda session, job, stage: resolve(session, job, stage, asset, versions)
        self.store({}, result={"asset": asset.id, "size": asset.size, "sha256": asset.sha256})

    def discard(self) -> None:
        """Delete what was stored, because it will not be committed."""
        for key in self._stored:
            self.storage.delete(key)

    def _put(self, name: str, path: Path, media: Mapping[str, object] | None) -> dict[str, Any]:
        self._beat.check()
        if path in self._streams:
            key, stream = self._streams[path]
            with path.open("rb") as file:
                made = arrange(file)
            stored = stream.finish(made.head, made.start, made.end)
        else:
            key = self._key(name)
            stored = self.storage.put_file(key, path, content_type=_content_type(name))
        return {
            "key": key,
            "size": stored.size,
            "sha256": stored.sha256,
            "content_type": _content_type(name),
            "media": media,
        }

    def _key(self, name: str) -> str:
        key = artifacts.file_key(self._row.digest, self._attempt, name)
        self._stored.append(key)
        return key


def _close(stream: Stream) -> None:
    try:
        stream.close()
    except TransientError as error:
        # Housekeeping finds what is left.
        _log.warning("parts of a file that was given up stay", reason=error.message)


def _content_type(name: str) -> str:
    return _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
