"""What a file says about itself and its tracks."""

from __future__ import annotations

from av.container import InputContainer, OutputContainer
from av.stream import Stream

from media.side.text import shortened

# What describes the recording, by FFmpeg's names; not where it was made, nor what wrote the file.
_KEPT = (
    "title", "artist", "album_artist", "album", "composer", "genre", "date", "comment", "copyright", "description",
    "synopsis", "show", "creation_time",
)  # fmt: skip
_MAX_TAG = 4096


def file_tags(container: InputContainer) -> dict[str, str]:
    """The tags of a file that a cut of it keeps, by name in lower case."""
    given = {key.lower(): value.replace("\0", "") for key, value in container.metadata.items()}
    return {key: shortened(given[key], _MAX_TAG) for key in _KEPT if given.get(key)}


def write_tags(container: OutputContainer, tags: dict[str, str]) -> None:
    """Add tags to a file that has no sample yet; what it already has counts more."""
    for key, value in tags.items():
        container.metadata.setdefault(key, value)


def language_of(stream: Stream) -> str | None:
    """The language of a track; None when it does not say."""
    return None if stream.language in {None, "", "und"} else stream.language


def title_of(stream: Stream) -> str | None:
    """The title of a track; MP4 keeps it in the handler's name, where most writers leave their own."""
    named = stream.metadata.get("title") or stream.metadata.get("name")
    if named:
        return named
    handler = stream.metadata.get("handler_name")
    return None if handler is None or "handler" in handler.lower() or not handler.isprintable() else handler
