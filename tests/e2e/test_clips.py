"""Real recordings through the whole job."""

from fractions import Fraction

import av
import pytest

from tests.clips import CLIPS, MEDIA, WHY

pytestmark = pytest.mark.e2e

RECORDINGS = [name for name, row in CLIPS.items() if row["duration_s"] and not name.endswith(".gif")]


def clips():
    return RECORDINGS or [pytest.param("none", marks=pytest.mark.skip(reason=WHY))]


@pytest.mark.parametrize("name", clips())
def test_a_real_recording_comes_out_trimmed_branded_and_previewed(local_client, name, tmp_path):
    row = CLIPS[name]
    has_picture = int(row["n_video"]) > 0
    duration = Fraction(row["duration_s"])
    start = duration / 4
    length = min(Fraction(3, 2), duration / 2)
    keep = [{"start": float(start), "end": float(start + length)}]
    brand = {"outro": {"title": "The end", "duration": "0.5"}} if has_picture else None
    asset = local_client.upload(MEDIA / name)
    job = local_client.wait(local_client.edit(asset, keep, brand=brand))
    assert job["status"] == "succeeded", job["error"]
    expected = {"preview", "poster", "video"} | ({"sprite", "thumbnails", "teaser"} if has_picture else set())
    expected |= {"waveform", "waveform_image"} if int(row["n_audio"]) else set()
    assert {output["name"] for output in job["outputs"]} == expected
    path = local_client.download(job, "video", tmp_path)
    with av.open(str(path)) as container:
        wanted = float(length) + (0.5 if has_picture else 0)
        assert container.duration / av.time_base == pytest.approx(wanted, abs=0.75)
        assert bool(container.streams.video) == has_picture
        for stream in [*container.streams.video, *container.streams.audio]:
            container.seek(0)
            assert sum(1 for _ in container.decode(stream)) > 0


@pytest.mark.parametrize("name", ["photo.heic", "pigs_in_a_polka.gif", "photo_exif_orientation6.jpg"])
def test_a_picture_is_no_recording(local_client, name):
    if name not in CLIPS:
        pytest.skip(WHY)
    asset = local_client.upload(MEDIA / name)
    body = {"input": asset["id"], "keep": [{"start": 0}], "preview": False}
    answer = local_client.http.post("/v1/jobs/edit", json=body)
    error = answer.json() if answer.status_code == 422 else local_client.wait(answer.json())["error"]
    assert error["code"] in {"no_video", "unsupported_format"}
