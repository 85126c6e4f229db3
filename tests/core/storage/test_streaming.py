"""Files that are stored while they are written."""

import hashlib
import os
import random
import threading
import time
from contextlib import closing

import pytest

from core.errors import InputError, TransientError
from core.storage import ObjectMissing
from core.storage.base import MOST_PARTS
from core.storage.pieces import Content, Piece
from core.storage.streaming import FIRST, PART, StreamedUpload, _size
from tests.core.storage.conftest import s3_storage
from tests.core.storage.relay import relayed
from tests.services.process import LONG_S, wait_until

MP4 = "video/mp4"
MIB = 2**20
SAMPLES = random.Random(7).randbytes(45 * MIB)
OTHER = random.Random(8).randbytes(45 * MIB)
HEAD = b"the head that is known last" * 1000
START = 48


class Writer:
    """Writes 48 bytes that will change, then samples; at the end a tail that is not stored."""

    def __init__(self, path):
        self.path, self.end = path, None
        self.file = path.open("wb", buffering=0)
        self.file.write(b"?" * START)

    def write(self, data):
        self.file.write(data)

    def settled(self, file):
        return min(os.fstat(file.fileno()).st_size, self.end or 1 << 62)

    def close(self):
        self.end = self.file.tell()
        self.file.seek(0)
        self.file.write(b"!" * START)
        self.file.seek(self.end)
        self.file.write(b"what was the head" * MIB)
        self.file.close()
        return HEAD, START, self.end


class Watched:
    """A bucket that notes what is sent to it."""

    def __init__(self, storage):
        self.storage, self.sizes, self.tried = storage, [], 0

    def __getattr__(self, name):
        return getattr(self.storage, name)

    def put_part(self, key, upload_id, number, body, *, md5):
        self.tried += 1
        part = self.storage.put_part(key, upload_id, number, body, md5=md5)
        self.sizes.append(part.size)
        return part


def read(storage, key):
    with storage.open(key) as file:
        return file.read()


def require_nothing(storage, prefix):
    assert list(storage.uploads(prefix)) == []
    assert list(storage.keys(prefix)) == []


@pytest.fixture
def writer(tmp_path):
    return Writer(tmp_path / "made")


@pytest.fixture
def watched(s3):
    return Watched(s3.storage)


def streamed(bucket, key, writer, **options):
    return closing(StreamedUpload(bucket, key, writer.path, content_type=MP4, settled=writer.settled, **options))


@pytest.mark.parametrize("count", [0, 1, 9 * MIB, len(SAMPLES)])
def test_the_object_is_the_head_and_then_the_samples(storage, place, writer, count):
    key = place.key()
    with closing(storage.stream(key, writer.path, content_type=MP4, settled=writer.settled)) as stream:
        for at in range(0, count, 3 * MIB):
            writer.write(SAMPLES[at : min(at + 3 * MIB, count)])
        head, start, end = writer.close()
        with pytest.raises(ObjectMissing):
            storage.size(key)
        stored = stream.finish(head, start, end)
    body = HEAD + SAMPLES[:count]
    assert read(storage, key) == body
    assert (stored.size, stored.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert list(storage.uploads(place.prefix)) == []
    assert list(storage.keys(place.prefix)) == [key]


def test_a_stream_that_is_not_finished_leaves_nothing(storage, place, writer):
    with closing(storage.stream(place.key(), writer.path, content_type=MP4, settled=writer.settled)):
        writer.write(SAMPLES)
        if place.storage.__class__.__name__ == "S3Storage":
            wait_until(lambda: any(storage.list_parts(one.key, one.upload_id) for one in storage.uploads(place.prefix)))
    require_nothing(storage, place.prefix)


def test_a_check_that_raises_leaves_nothing(storage, place, writer):
    def check():
        raise KeyError("stop")

    options = {"content_type": MP4, "settled": writer.settled, "check": check}
    writer.write(SAMPLES)
    with closing(storage.stream(place.key(), writer.path, **options)) as stream, pytest.raises(KeyError):
        stream.finish(*writer.close())
    require_nothing(storage, place.prefix)


def test_no_byte_is_sent_twice_and_most_before_the_end(s3, watched, writer):
    with streamed(watched, s3.key(), writer) as stream:
        writer.write(SAMPLES[: 44 * MIB])
        wait_until(lambda: len(watched.sizes) == 4)
        writer.write(SAMPLES[44 * MIB :])
        stored = stream.finish(*writer.close())
    assert sum(watched.sizes) == stored.size
    assert sum(watched.sizes[:4]) == 4 * PART
    assert read(s3.storage, s3.key()) == HEAD + SAMPLES


def test_a_writer_that_begins_anew(s3, watched, tmp_path):
    first = Writer(tmp_path / "made")
    with streamed(watched, s3.key(), first) as stream:
        first.write(SAMPLES)
        wait_until(lambda: len(watched.sizes) == 4)
        first.path.unlink()
        second = Writer(first.path)
        second.write(OTHER[: 20 * MIB])
        wait_until(lambda: len(watched.sizes) == 5)
        stream.finish(*second.close())
    assert read(s3.storage, s3.key()) == HEAD + OTHER[: 20 * MIB]
    assert list(s3.storage.uploads(s3.prefix)) == []


def test_samples_that_were_changed_after_all(s3, watched, writer):
    with streamed(watched, s3.key(), writer) as stream:
        writer.write(SAMPLES)
        wait_until(lambda: len(watched.sizes) == 4)
        writer.file.seek(FIRST + PART + 5)
        writer.write(b"x")
        writer.file.seek(0, 2)
        stream.finish(*writer.close())
    changed = bytearray(SAMPLES)
    changed[FIRST + PART + 5 - START] = ord("x")
    assert read(s3.storage, s3.key()) == HEAD + changed


def test_a_file_that_became_shorter(s3, watched, writer):
    with streamed(watched, s3.key(), writer) as stream:
        writer.write(SAMPLES)
        wait_until(lambda: len(watched.sizes) == 4)
        writer.file.truncate(START + 30 * MIB)
        writer.file.seek(0, 2)
        stream.finish(*writer.close())
    assert read(s3.storage, s3.key()) == HEAD + SAMPLES[: 30 * MIB]


def test_an_upload_that_another_hand_ended(s3, watched, writer):
    with streamed(watched, s3.key(), writer) as stream:
        writer.write(SAMPLES)
        wait_until(lambda: len(watched.sizes) == 4)
        [upload] = s3.storage.uploads(s3.prefix)
        s3.storage.abort_multipart(upload.key, upload.upload_id)
        stream.finish(*writer.close())
    assert read(s3.storage, s3.key()) == HEAD + SAMPLES
    assert list(s3.storage.uploads(s3.prefix)) == []


def test_a_server_that_wants_parts_of_one_size(s3, watched, writer):
    class Equal(Watched):
        def complete_multipart(self, key, upload_id, parts):
            if len({part.size for part in sorted(parts, key=lambda part: part.number)[:-1]}) > 1:
                raise InputError("part_missing", "All parts but the last must have the same length.")
            self.storage.complete_multipart(key, upload_id, parts)

    with streamed(Equal(s3.storage), s3.key(), writer) as stream:
        writer.write(SAMPLES)
        wait_until(lambda: list(s3.storage.uploads(s3.prefix)))
        stream.finish(*writer.close())
    assert read(s3.storage, s3.key()) == HEAD + SAMPLES
    assert list(s3.storage.uploads(s3.prefix)) == []


def test_a_storage_that_is_away_for_a_while(s3, s3_settings, writer):
    with relayed(s3_settings["S3_ENDPOINT_URL"]) as relay:
        bucket = Watched(s3_storage(s3_settings, s3_endpoint_url=relay.url))
        with streamed(bucket, s3.key(), writer) as stream:
            writer.write(SAMPLES[: 20 * MIB])
            wait_until(lambda: len(bucket.sizes) == 1)
            relay.shut()
            writer.write(SAMPLES[20 * MIB :])
            wait_until(lambda: bucket.tried >= 3)
            opened = threading.Timer(1.5, relay.open)
            opened.start()
            stream.finish(*writer.close())
            opened.join()
    assert sum(bucket.sizes) == len(HEAD + SAMPLES)
    assert read(s3.storage, s3.key()) == HEAD + SAMPLES


def test_a_storage_that_stays_away(s3, s3_settings, writer):
    with relayed(s3_settings["S3_ENDPOINT_URL"]) as relay:
        bucket = Watched(s3_storage(s3_settings, s3_endpoint_url=relay.url))
        with streamed(bucket, s3.key(), writer, patience_s=0.5) as stream:
            writer.write(SAMPLES)
            wait_until(lambda: bucket.sizes)
            relay.shut()
            with pytest.raises(TransientError) as raised:
                stream.finish(*writer.close())
            assert raised.value.code == "storage_unavailable"
            assert list(s3.storage.keys(s3.prefix)) == []
            relay.open()
    require_nothing(s3.storage, s3.prefix)


def test_a_cancel_does_not_wait_for_a_storage_that_hangs(s3, s3_settings, writer):
    with relayed(s3_settings["S3_ENDPOINT_URL"]) as relay:
        storage = s3_storage(s3_settings, s3_endpoint_url=relay.url)
        canceled = threading.Event()

        def check():
            if canceled.is_set():
                raise KeyError("canceled")

        upload = StreamedUpload(storage, s3.key(), writer.path, content_type=MP4, check=check)
        writer.write(SAMPLES)
        made = writer.close()
        relay.stall()
        hang = threading.Timer(0.5, canceled.set)
        hang.start()
        with pytest.raises(KeyError):
            upload.finish(*made)
        left = time.monotonic()
        opened = threading.Timer(1, relay.open)
        opened.start()
        upload.close()
        assert time.monotonic() - left < LONG_S
        opened.join()
        # What hung comes through now, and drops what it made.
        wait_until(lambda: not [one for one in threading.enumerate() if one.name.startswith("upload")])
    require_nothing(s3.storage, s3.prefix)


def test_the_server_compares_the_digest(s3, writer):
    writer.write(b"abc")
    wrong = hashlib.md5(b"abd").digest()
    with writer.path.open("rb") as file:
        body = Piece(Content(file, b"", START, START + 3), 0, 3)
        upload_id = s3.storage.create_multipart(s3.key(), content_type=MP4)
        with pytest.raises(TransientError, match="BadDigest"):
            s3.storage.put_part(s3.key(), upload_id, 1, body, md5=wrong)
        assert s3.storage.list_parts(s3.key(), upload_id) == []
        body.seek(0)
        with pytest.raises(TransientError, match="BadDigest"):
            s3.storage.put_whole(s3.key(), body, md5=wrong, content_type=MP4)
    assert list(s3.storage.keys(s3.prefix)) == []


def test_ten_thousand_parts_hold_the_largest_object():
    sizes = [_size(number) for number in range(2, MOST_PARTS + 1)]
    assert sum(sizes) > 5 * 2**40
    assert max(sizes) <= 5 * 2**30
    assert min(sizes) >= 5 * MIB
