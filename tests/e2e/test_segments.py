"""What is encoded and long enough is cut into segments, which encode workers take side by side."""

from fractions import Fraction

import av
import pytest
from PIL import Image

from media.barcode import read_frame
from media.pixels import planes
from media.sample import make_sample
from tests.media.measure import clicks, flashes, numbers

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A minute and a bit: enough for four segments, as the registry of settings has it."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    make_sample(path, seconds=Fraction(66), fps=Fraction(25), size=(320, 180))
    return path


def test_a_long_exact_edit_is_encoded_in_segments(client, recording, tmp_path):
    keep = [{"start": "1", "end": "40.4"}, {"start": "42", "end": "65"}]
    brand = {"intro": {"title": "Long", "duration": "1"}}
    asset = client.upload(recording)
    job = client.wait(client.edit(asset, keep, mode="exact", brand=brand))
    assert job["status"] == "succeeded", job["error"]
    assert list(job["stages"]) == ["probe", "trim", "seams", "proxy", "preview", "brand", "publish"]
    trim = job["stages"]["trim"]
    assert trim["parts"] == {"total": 5, "running": 0, "succeeded": 5}
    assert (trim["attempt"], trim["progress"], trim["result"]["mode"]) == (1, 1.0, "exact")

    plain = client.wait(client.edit(asset, keep, mode="exact", preview=False))
    assert plain["stages"]["trim"]["cached"]
    video = client.download(plain, "video", tmp_path)
    assert numbers(video) == [*range(25, 1010), *range(1050, 1625)]
    heard, seen = clicks(video), flashes(video)
    assert len(heard) == len(seen) > 50
    assert max(abs(a - b) for a, b in zip(heard, seen, strict=True)) <= Fraction(1024, 48000)


def test_a_watermark_is_painted_in_segments(client, recording, tmp_path):
    logo = tmp_path / "logo.png"
    Image.new("RGB", (80, 40), (255, 255, 255)).save(logo)
    watermark = {"asset": client.upload(logo)["id"], "position": "bottom-right", "width": "0.25", "opacity": 1}
    thirds = [{"title": "Ada", "subtitle": "Speaker", "start": 2, "end": 5, "background": "#ffffff"}]
    brand = {"intro": {"title": "Long", "duration": "1", "template": "band"}, "watermark": watermark}
    brand |= {"logo": watermark["asset"], "lower_thirds": thirds, "loudness": -23}
    job = client.wait(client.edit(client.upload(recording), [{"end": "64"}], brand=brand, preview=False))
    assert job["status"] == "succeeded", job["error"]
    made = job["stages"]["brand"]
    assert made["parts"] == {"total": 4, "running": 0, "succeeded": 4}
    assert (made["result"]["fallback"], made["result"]["frames"]) == (None, 65 * 25)
    assert made["result"]["loudness"][0]["after_lufs"] == pytest.approx(-23, abs=0.5)
    with av.open(str(client.download(job, "video", tmp_path))) as container:
        frames = list(container.decode(video=0))[25:]
    assert [read_frame(frame) for frame in frames] == list(range(64 * 25))
    # 80 × 40 pixels, 10 from the right and from below.
    assert min(planes(frame)[0][134:168, 234:308].min() for frame in frames[::50]) > 220
    # The plate of the lower third is white while it stands; none of these frames is a flash.
    plate = [planes(frame)[0][150:160, 40:60].mean() for frame in (frames[35], frames[90], frames[160])]
    assert plate[1] > max(plate[0], plate[2]) + 20


def test_a_watermark_for_long_is_painted_in_segments_between_copies(client, recording, tmp_path):
    logo = tmp_path / "logo.png"
    Image.new("RGB", (80, 40), (255, 255, 255)).save(logo)
    watermark = {"asset": client.upload(logo)["id"], "position": "bottom-right", "width": "0.25", "opacity": 1}
    brand = {"watermark": watermark | {"start": "3.2", "end": "34.2"}, "outro": {"title": "End", "duration": "1"}}
    job = client.wait(client.edit(client.upload(recording), [{"end": "64"}], brand=brand, preview=False))
    assert job["status"] == "succeeded", job["error"]
    made = job["stages"]["brand"]
    assert made["parts"] == {"total": 2, "running": 0, "succeeded": 2}
    assert (made["result"]["fallback"], made["result"]["frames"]) == (None, 65 * 25)
    # Groups are ten seconds at most: what is not painted is copied, but for those that the mark comes and goes in.
    assert float(made["result"]["copied_s"]) > 15
    marked = []
    with av.open(str(client.download(job, "video", tmp_path))) as container:
        for number, frame in zip(range(64 * 25), container.decode(video=0), strict=False):
            assert read_frame(frame) == number
            if planes(frame)[0][134:168, 234:308].min() > 220:
                marked.append(number)
    assert marked == list(range(80, 855))
