"""Assets and what is known about them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

_SECONDS = {"description": "Seconds, a decimal string.", "example": "2700.04"}


class LocationSchema(Schema):
    """Where a picture was taken, as its camera wrote it: degrees, south and west below 0."""

    latitude = fields.String(required=True, metadata={"example": "41.220300"})
    longitude = fields.String(required=True, metadata={"example": "-96.071625"})


class ImageFactsSchema(Schema):
    """What is known of an image alone. Its owner sees where it was taken; what is made of it carries no place unless
    that is asked for."""

    frames = fields.Integer(required=True, metadata={"description": "Of an animation; 1 of a still."})
    transparent = fields.Boolean(required=True, metadata={"description": "Whether anything shows through."})
    dominant_colour = fields.String(required=True, allow_none=True, metadata={"example": "#9abae2"})
    thumbhash = fields.String(
        required=True,
        metadata={
            "description": "The picture in some 25 bytes, as base64: https://evanw.github.io/thumbhash/ shows it while "
            "the real one loads.",
            "example": "HdcJFYJNPImvaJiKlYiGVsJAAh0V",
        },
    )
    perceptual_hash = fields.String(
        required=True, metadata={"description": "64 bits in hex; of pictures that look alike, some 10 differ at most."}
    )
    difference_hash = fields.String(required=True, metadata={"description": "Another one, by neighbours."})
    camera_make = fields.String(required=True, allow_none=True)
    camera_model = fields.String(required=True, allow_none=True, metadata={"example": "iPhone 7"})
    lens = fields.String(required=True, allow_none=True)
    taken_at = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "By the camera's clock; with a zone where it knew one.",
            "example": "2019-03-21T11:04:22",
        },
    )
    location = fields.Nested(LocationSchema, required=True, allow_none=True)


class MediaSchema(Schema):
    """The facts of a file; an image has no times."""

    kind = fields.String(required=True, validate=validate.OneOf(["video", "audio", "image"]))
    container = fields.String(required=True, metadata={"example": "mp4"})
    size = fields.Integer(required=True, metadata={"description": "In bytes."})
    duration = fields.String(required=True, allow_none=True, metadata=_SECONDS)
    start_time = fields.String(required=True, allow_none=True, metadata=_SECONDS)
    bit_rate = fields.Integer(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    video = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Index of the stream that is cut and shown."}
    )
    audio = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Index of the sound track that plays by default."}
    )
    streams = fields.List(
        fields.Dict(),
        required=True,
        metadata={
            "description": "Every stream: `index`, `type`, `codec`, `language`, `duration` …; a picture also has "
            "`width`, `height`, `display_width`, `display_height`, `rotation`, `frame_rate` (as `30000/1001`), "
            "`variable`, `hdr`, `attached_picture` …; sound has `sample_rate`, `channels`, `layout`."
        },
    )
    image = fields.Nested(
        ImageFactsSchema, required=True, allow_none=True, metadata={"description": "null for video and sound."}
    )


class KeyframesSchema(Schema):
    """The keyframes of the main picture, in columns of equal length."""

    frames = fields.Integer(required=True)
    read = fields.String(required=True, validate=validate.OneOf(["index", "cues", "packets"]))
    times = fields.List(fields.String(metadata=_SECONDS), required=True)
    gop_frames = fields.List(fields.Integer(), required=True, metadata={"description": "Frames up to the next one."})
    positions = fields.List(
        fields.Integer(allow_none=True), required=True, metadata={"description": "Byte offsets in the file."}
    )


class AssetSchema(Schema):
    """A complete, verified file."""

    id = fields.String(required=True, metadata={"example": "ast_01k9x3v5m8q2r7t4w6y0b1c3d5"})
    filename = fields.String(required=True)
    content_type = fields.String(required=True)
    size = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    media = fields.Nested(MediaSchema, required=True, allow_none=True, metadata={"description": "null until probed."})
    external_id = fields.String(required=True, allow_none=True, metadata={"description": "The client's own id for it."})
    metadata = fields.Dict(required=True, metadata={"description": "What the client gave."})
    created_at = fields.DateTime(required=True)


class AssetListSchema(Schema):
    """One page of assets, newest first."""

    data = fields.List(fields.Nested(AssetSchema), required=True)
    next = fields.String(required=True, allow_none=True)
