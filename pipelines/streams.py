"""Playlists of what a job makes, with signed addresses of the storage: written anew each time they are fetched.

What a playlist has said it says again (RFC 8216, 6.2.1): players tell segments apart by their addresses. So those count
from when the playlist's own address was signed, and by one address of it they are always the same.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any, cast

from core import artifacts, job_document, jobs, states
from core.db import reading
from core.errors import NotFoundError
from core.models import Artifact, Job, JobStage
from core.settings import get_settings
from core.storage import Storage
from core.stream_links import FIRST, GROWING
from media.hls.index import Rendition
from media.hls.order import Seams
from media.hls.playlist import Stretch, Variant, longest, media_playlist, multivariant_playlist
from pipelines import growing

_FILM = "video/mp4"
SEAMS = "seams"


@dataclass(frozen=True)
class Playlist:
    """A playlist, and whether it will stay as it is."""

    text: str
    whole: bool


def playlist(job_id: str, name: str, part: str, query: str, storage: Storage, *, expires: int) -> Playlist:
    """Return a playlist of a stream: `part` is the first one, or one that it names; `query` is what signs them all,
    until `expires`, seconds since 1970.

    Raises NotFoundError `job_not_found`, `stream_not_found`, `object_missing`.
    """
    with reading() as session:
        job = jobs.find(session, job_id)
        if job is None:
            raise NotFoundError("job_not_found", "There is no job of that id.")
        stage = next((row for row in job.stages if "stream" in row.outputs.get(name, ())), None)
        found = artifacts.find(session, [row.digest for row in job.stages if row.status == states.SUCCEEDED])
    if stage is None or not job_document.let_through(job):
        raise _missing()
    files = {row.name: _Files(storage, found[row.digest], expires) for row in job.stages if row.digest in found}
    if part == GROWING:
        return _growing(job, stage, stage.outputs[name]["stream"], files)
    made = files.get(stage.name)
    playlists = {} if made is None else _whole(made, stage.outputs[name]["file"], query)
    if part not in playlists:
        raise _missing()
    return Playlist(playlists[part](), whole=True)


def _growing(job: Job, stage: JobStage, beginning: str, files: Mapping[str, _Files]) -> Playlist:
    """What there is by now of a preview that is made in parts; it has its end when no more will come."""
    joints = files.get(beginning)
    if joints is None or not joints.made.files:
        raise _missing()
    seams = Seams.from_dict(joints.read("seams.json"))
    rows = [row for row in job.stages if row.part_of in stage.needs and "segment" in row.params]
    packed = {row.name: files[row.name].made.result.get("fragments") for row in rows if row.name in files}
    made = {name: Rendition.from_dict(told) for name, told in packed.items() if told}
    parts = [growing.part_of(row.name, row.params, made.get(row.name)) for row in rows]
    pieces, whole = growing.pieces(seams, SEAMS, parts)
    # One address for each file, whatever plays of it, and for as long as all of it plays.
    uris = {name: files[name].uri("fragments.mp4", seams.duration) for name in made}
    uris[SEAMS] = joints.uri("seams.mp4", seams.duration)
    stretches = [Stretch(uris[piece.file], piece.init, piece.segments) for piece in pieces]
    ended = whole or stage.status in states.TERMINAL or job.status in states.TERMINAL
    return Playlist(media_playlist(stretches, longest=growing.LONGEST, kind="EVENT", whole=ended), ended)


@dataclass(frozen=True)
class _Files:
    """What a stage has stored, for a playlist whose address works until `expires`."""

    storage: Storage
    made: Artifact
    expires: int

    def uri(self, file: str, plays: Fraction) -> str:
        """An address that works for as long as any other after the playlist was fetched last, and for as long as that
        plays, in seconds."""
        key, ttl_s = self.made.files[file]["key"], get_settings().url_ttl_s
        since = min(self.expires - ttl_s, int(time.time()))
        lasts_s = self.expires + ttl_s + math.ceil(plays) - since
        return self.storage.sign_get(
            key, expires_s=lasts_s, filename=file, content_type=_FILM, inline=True, since=since
        )

    def read(self, file: str) -> Mapping[str, Any]:
        """What a file of JSON says; raises NotFoundError `stream_not_found` when the stage had none to make."""
        if file not in self.made.files:
            raise _missing()
        return _read(cast(Any, self.storage), self.made.files[file]["key"])


def _whole(files: _Files, index: str, query: str) -> dict[str, Callable[[], str]]:
    """The playlists of what is whole, by name."""
    told = files.read(index)
    if "order" in told:
        seams = Seams.from_dict(told)
        return {FIRST: lambda: _joints(files, seams)}
    renditions = {label: Rendition.from_dict(document) for label, document in told["renditions"].items()}
    playlists: dict[str, Callable[[], str]] = {
        label: partial(_single, files, f"{label}.mp4", rendition) for label, rendition in renditions.items()
    }
    if len(renditions) == 1:
        return playlists | {FIRST: next(iter(playlists.values()))}
    variants = [Variant(f"{label}.m3u8?{query}", rendition) for label, rendition in renditions.items()]
    return playlists | {FIRST: lambda: multivariant_playlist(variants)}


def _joints(files: _Files, seams: Seams) -> str:
    uri = files.uri("seams.mp4", seams.rendition.duration)
    stretches = [Stretch(uri, seams.rendition.init, joint) for joint in seams.joints]
    return media_playlist(stretches, longest=longest([seams.rendition]))


def _single(files: _Files, file: str, rendition: Rendition) -> str:
    stretch = Stretch(files.uri(file, rendition.duration), rendition.init, rendition.segments)
    return media_playlist([stretch], longest=longest([rendition]))


@lru_cache(maxsize=256)
def _read(storage: Any, key: str) -> Mapping[str, Any]:
    # Nothing is ever written twice under one key.
    with storage.open(key) as file:
        document: dict[str, Any] = json.load(file)
    return document


def _missing() -> NotFoundError:
    return NotFoundError("stream_not_found", "There is nothing to play of that name: the job tells what there is.")
