"""Moderators: rules that need nobody, and Rekognition as botocore would be answered by it."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber

from core.errors import EngineError, InputError, TransientError
from core.moderation import Item, Rekognition, Rules, moderator, stamp
from core.moderation.rules import ALIKE_BITS
from core.settings import Settings

HASH = "f" * 64
PICTURE = 0x8F0F_5A3C_11EE_7701


def item(kind="image", container="png", size=100, sha256="0" * 64, seen=PICTURE, stills=()):
    image = {"perceptual_hash": f"{seen:016x}"} if kind == "image" else None
    media = {"kind": kind, "container": container, "image": image}
    return Item(size=size, sha256=sha256, media=media, stills=lambda count: list(stills)[:count])


def rules(tmp_path, lines="", **settings):
    path = tmp_path / "hashes"
    path.write_text(lines)
    return Rules.of(Settings(moderation="rules", moderation_hashes=path, **settings))


def test_without_a_moderator_nothing_is_looked_at():
    assert (moderator(Settings()), stamp(Settings())) == (None, None)


@pytest.mark.parametrize(
    ("kinds", "given", "allowed"),
    [
        ("", item(), True),
        ("png, jpeg", item(), True),
        ("image", item(), True),
        ("video", item(), False),
        ("mp4", item("video", "mov,mp4,m4a"), True),
        ("png", item("video", "matroska,webm"), False),
    ],
)
def test_kinds(tmp_path, kinds, given, allowed):
    assert rules(tmp_path, moderation_kinds=kinds).review(given).allowed == allowed


def test_size(tmp_path):
    judge = rules(tmp_path, moderation_max_bytes=100)
    assert judge.review(item(size=100)).allowed
    assert "larger than the 100 bytes" in judge.review(item(size=101)).reasons[0]


def test_known_files_and_what_looks_like_them(tmp_path):
    judge = rules(tmp_path, f"# ours\n{HASH.upper()}  # a film\n\n{PICTURE:016x}\n")
    assert not judge.review(item("video", "mp4", sha256=HASH)).allowed
    near, far = PICTURE ^ (2**ALIKE_BITS - 1), PICTURE ^ (2 ** (ALIKE_BITS + 1) - 1)
    assert [judge.review(item(seen=seen)).allowed for seen in (PICTURE, near, far)] == [False, False, True]


def test_a_list_that_cannot_be_read_lets_nothing_through(tmp_path):
    for lines in ("not a hash", "abc", f"{HASH} {HASH}"):
        with pytest.raises(InputError) as caught:
            rules(tmp_path, f"{HASH}\n{lines}\n")
        assert (caught.value.code, "Line 2" in caught.value.message) == ("moderation_hashes", True)
    with pytest.raises(InputError) as caught:
        stamp(Settings(moderation="rules", moderation_hashes=tmp_path / "none"))
    assert caught.value.code == "moderation_hashes"


def test_other_rules_have_another_stamp(tmp_path):
    made = [
        rules(tmp_path),
        rules(tmp_path, HASH),
        rules(tmp_path, moderation_kinds="mp4"),
        rules(tmp_path, moderation_max_bytes=1),
    ]
    assert len({one.stamp for one in made}) == len(made)
    assert rules(tmp_path, moderation_kinds="a b").stamp == rules(tmp_path, moderation_kinds="b,a").stamp


@pytest.fixture
def service():
    """A client whose answers are checked against the service's own model, both ways."""
    client = boto3.client(
        "rekognition",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def seen(*labels):
    return {"ModerationLabels": [{"Name": name, "ParentName": top, "Confidence": sure} for name, top, sure in labels]}


def judge(client, labels=()):
    return Rekognition(client=client, rules=Rules(most_bytes=1000), least=80.0, labels=frozenset(labels))


def asked(still):
    return {"Image": {"Bytes": still}, "MinConfidence": 80.0}


def test_rekognition_blocks_what_it_sees(service):
    client, stub = service
    stub.add_response("detect_moderation_labels", seen(), asked(b"one"))
    stub.add_response(
        "detect_moderation_labels", seen(("Weapons", "Violence", 91.23), ("Violence", "", 91.23)), asked(b"two")
    )
    verdict = judge(client).review(item(stills=[b"one", b"two"]))
    assert verdict.reasons == ["it shows violence", "it shows weapons"]
    assert verdict.labels == {"Violence": 91.2, "Weapons": 91.2}


def test_rekognition_with_labels_of_its_own(service):
    client, stub = service
    for _ in range(2):
        stub.add_response("detect_moderation_labels", seen(("Alcoholic Beverages", "Alcohol", 99.0)), asked(b"one"))
    assert judge(client, {"Violence"}).review(item(stills=[b"one"])).allowed
    assert not judge(client, {"Alcohol"}).review(item(stills=[b"one"])).allowed


def test_what_the_rules_block_is_shown_to_nobody(service):
    client, _ = service
    assert not judge(client).review(item(size=1001, stills=[b"one"])).allowed


@pytest.mark.parametrize(
    ("code", "kind", "ours"),
    [
        ("ThrottlingException", TransientError, "moderation_unavailable"),
        ("AccessDeniedException", EngineError, "moderation_refused"),
    ],
)
def test_a_service_that_refuses(service, code, kind, ours):
    client, stub = service
    stub.add_client_error("detect_moderation_labels", code, "secret text")
    with pytest.raises(kind) as caught:
        judge(client).review(item(stills=[b"one"]))
    assert (caught.value.code, "secret" in caught.value.message) == (ours, False)


def test_a_service_in_trouble_is_asked_again_later(service):
    client, stub = service
    stub.add_client_error("detect_moderation_labels", "ServiceUnavailable", http_status_code=503)
    with pytest.raises(TransientError):
        judge(client).review(item(stills=[b"one"]))


def test_a_service_that_does_not_answer(service, monkeypatch):
    client, _ = service

    def away(**_):
        raise ConnectTimeoutError(endpoint_url="https://rekognition")

    monkeypatch.setattr(client, "detect_moderation_labels", away)
    with pytest.raises(TransientError) as caught:
        judge(client).review(item(stills=[b"one"]))
    assert caught.value.code == "moderation_unavailable"
