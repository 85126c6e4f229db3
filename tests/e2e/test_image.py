"""Images by HTTP only: upload, job, download; what comes out is measured against pictures made without the engine."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from media.image.sample import scene
from tests.clips import CLIPS, MEDIA, WHY, hostile_files

pytestmark = pytest.mark.e2e


def start(client, asset, outputs, operations=(), **options):
    return client.post(
        "/v1/jobs/image", 202, input=asset["id"], outputs=list(outputs), operations=list(operations), **options
    )


def made(client, folder, *arguments, **options):
    """The job once it has succeeded, and its pictures by name."""
    job = client.wait(start(client, *arguments, **options))
    assert job["status"] == "succeeded", job["error"]
    pictures = {one["name"]: Image.open(client.download(job, one["name"], folder)) for one in job["outputs"]}
    return job, pictures


def psnr(one, other):
    first, second = (np.asarray(image.convert("RGB"), np.float64) for image in (one, other))
    assert first.shape == second.shape
    return 10 * np.log10(255**2 / max(np.mean((first - second) ** 2), 1e-9))


def ssim(one, other):
    """Structural similarity of greys (Wang et al. 2004), over blocks of 8 × 8."""
    planes = []
    for image in (one, other):
        grey = np.asarray(image.convert("L"), np.float64)
        height, width = (side // 8 * 8 for side in grey.shape)
        planes.append(grey[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 64))
    a, b = planes
    both = ((a - a.mean(1, keepdims=True)) * (b - b.mean(1, keepdims=True))).mean(1)
    light = (2 * a.mean(1) * b.mean(1) + 6.5) / (a.mean(1) ** 2 + b.mean(1) ** 2 + 6.5)
    return float((light * (2 * both + 58.5) / (a.var(1) + b.var(1) + 58.5)).mean())


@pytest.fixture(scope="module")
def photo():
    return scene(900, 600)


@pytest.fixture
def asset(client, photo, tmp_path):
    path = tmp_path / "holiday photo.jpg"
    photo.save(path, quality=95)
    return client.upload(path)


SIZES = [
    {"name": "large", "width": 640, "format": "webp"},
    {"name": "small", "width": 320, "format": "jpeg"},
    {"name": "modern", "width": 320, "format": "avif"},
    {"name": "thumbnail", "width": 128, "height": 128, "fit": "cover", "format": "png"},
]


def test_several_sizes_and_formats_of_one_picture(client, asset, photo, tmp_path):
    job, found = made(client, tmp_path, asset, SIZES)
    assert {stage["status"] for stage in job["stages"].values()} == {"succeeded"}
    assert [(image.format, image.size) for image in found.values()] == [
        ("WEBP", (640, 427)),
        ("JPEG", (320, 213)),
        ("AVIF", (320, 213)),
        ("PNG", (128, 128)),
    ]
    for name, image in found.items():
        reference = ImageOps.fit(photo, image.size, Image.Resampling.LANCZOS)
        assert psnr(reference, image) > 30, name
        assert ssim(reference, image) > 0.9, name
    outputs = {one["name"]: one for one in job["outputs"]}
    assert outputs["small"]["filename"] == "holiday photo-small.jpg"
    assert [one["content_type"] for one in job["outputs"]] == ["image/webp", "image/jpeg", "image/avif", "image/png"]
    assert (outputs["large"]["media"]["width"], outputs["large"]["media"]["height"]) == (640, 427)


def test_operations_in_their_order_with_an_overlay(client, asset, photo, tmp_path):
    mark = Image.new("RGB", (40, 20), (250, 20, 20))
    mark.save(tmp_path / "mark.png")
    overlay = client.upload(tmp_path / "mark.png")
    steps = [
        {"op": "crop", "x": 90, "y": "10%", "width": "50%", "height": 300},
        {"op": "flip"},
        {"op": "adjust", "brightness": "1.2"},
        {"op": "overlay", "asset": overlay["id"], "width": 90, "position": "top-left", "margin": 9},
        {"op": "pad", "left": 30, "color": "#204060"},
    ]
    _, found = made(client, tmp_path, asset, [{"name": "out", "format": "png"}], steps)
    reference = ImageOps.mirror(photo.crop((90, 60, 540, 360)))
    reference = ImageEnhance.Brightness(reference).enhance(1.2)
    reference.paste((250, 20, 20), (9, 9, 99, 54))
    reference = ImageOps.expand(reference, (30, 0, 0, 0), (0x20, 0x40, 0x60))
    assert psnr(reference, found["out"]) > 34


def test_an_animation_stays_one(client, photo, tmp_path):
    frames = [photo.crop((shift, 0, shift + 300, 200)).quantize(64) for shift in range(0, 300, 50)]
    path = tmp_path / "moves.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=80, loop=0)
    outputs = [{"name": "webp", "width": 150}, {"name": "gif", "format": "gif"}, {"name": "still", "format": "jpeg"}]
    job, found = made(client, tmp_path, client.upload(path), outputs)
    assert [image.n_frames for image in (found["webp"], found["gif"])] == [6, 6]
    found["webp"].seek(4)
    assert psnr(frames[4].convert("RGB").resize((150, 100), Image.Resampling.LANCZOS), found["webp"]) > 26
    assert [warning["code"] for warning in job["warnings"]] == ["first_frame_only"]


def test_the_same_again_is_answered_from_cache(client, asset):
    first = client.wait(start(client, asset, SIZES[:1], [{"op": "rotate", "angle": 90}]))
    again = start(client, asset, SIZES[:1], [{"op": "rotate", "angle": "-270.0"}, {"op": "pad"}])
    assert (again["status"], again["stages"]["image"]["cached"]) == ("succeeded", True)
    assert [one["sha256"] for one in first["outputs"]] == [one["sha256"] for one in again["outputs"]] != []


def test_facts_of_an_image(client, asset):
    client.wait(start(client, asset, SIZES[:1]))
    media = client.get(f"/v1/assets/{asset['id']}")["media"]
    assert (media["kind"], media["container"], media["image"]["frames"]) == ("image", "jpeg", 1)
    assert len(media["image"]["perceptual_hash"]) == 16


def real():
    names = ["photo.heic", "pigs_in_a_polka.gif", "photo_exif_orientation5.jpg", "photo_exif_orientation6.jpg"]
    names = [name for name in (*names, "portrait_face.jpg") if name in CLIPS]
    return names or [pytest.param("none", marks=pytest.mark.skip(reason=WHY))]


@pytest.mark.parametrize("name", real())
def test_real_images(client, name, tmp_path):
    job, found = made(client, tmp_path, client.upload(MEDIA / name), [{"name": "out", "width": 400, "format": "jpeg"}])
    width, height = int(CLIPS[name]["display_w"]), int(CLIPS[name]["display_h"])
    expected = min(400, width)
    assert found["out"].size == (expected, round(height * expected / width))
    assert not found["out"].getexif()
    facts = job["stages"]["probe"]["result"]["streams"][0]
    assert (facts["display_width"], facts["display_height"]) == (width, height)
    if name.endswith(".jpg"):
        reference = ImageOps.exif_transpose(Image.open(MEDIA / name)).convert("RGB")
        assert psnr(reference.resize(found["out"].size, Image.Resampling.LANCZOS), found["out"]) > 30


@pytest.mark.parametrize("path", hostile_files(), ids=lambda path: path.name)
def test_hostile_files_are_refused_with_a_code(local_client, path):
    asset = local_client.upload(path)
    answer = local_client.http.post("/v1/jobs/image", json={"input": asset["id"], "outputs": [{"name": "out"}]})
    if answer.status_code == 422:
        # A recording that was probed before the job was asked for.
        assert answer.json()["code"] == "no_image"
        return
    job = local_client.wait(answer.json())
    assert (job["status"], job["outputs"]) == ("failed", [])
    # The recordings among them probe well.
    assert job["error"]["stage"] in {"probe", "image"}
    codes = {"unsupported_format", "too_many_pixels", "damaged_file", "truncated_file", "too_long", "no_streams"}
    assert job["error"]["code"] in codes
    assert job["error"]["retryable"] is False
    assert "/" not in job["error"]["message"].replace("HTTP/", "")


BOMBS = {
    "pixels": lambda: png_header(60_000, 60_000),
    "cut off": lambda: jpeg()[:2000],
    "not at all": lambda: b"\x89PNG\r\n\x1a\n" + bytes(500),
    "many frames": lambda: (
        b"GIF89a\x08\x00\x08\x00\x00\x00\x00" + b",\0\0\0\0\x08\0\x08\0\0\x02\x01\x44\0" * 2000 + b";"
    ),
}


def jpeg():
    file = io.BytesIO()
    scene(300, 200).save(file, "JPEG")
    return file.getvalue()


def png_header(width, height):
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "PNG")
    data = bytearray(file.getvalue())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_end_with_a_code_and_the_worker_goes_on(client, kind, asset, tmp_path):
    path = tmp_path / "bomb.jpg"
    path.write_bytes(BOMBS[kind]())
    error = client.wait(start(client, client.upload(path), [{"name": "out"}]))["error"]
    assert error["code"] in {"too_many_pixels", "damaged_file", "too_many_frames"}
    assert client.wait(start(client, asset, [{"name": "after", "width": 64}]))["status"] == "succeeded"


def test_a_recording_has_no_picture_to_edit(client, sample):
    recording = client.upload(sample)
    answer = client.http.post("/v1/jobs/image", json={"input": recording["id"], "outputs": [{"name": "out"}]})
    error = answer.json() if answer.status_code == 422 else client.wait(answer.json())["error"]
    assert error["code"] in {"no_image", "unsupported_format"}


def test_the_place_travels_only_on_request(client, tmp_path, photo):
    exif = Image.Exif()
    exif[0x0110] = "Model 7"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 30.0, 0.0), 3: "E", 4: (9.0, 0.0, 0.0)})
    path = tmp_path / "tagged.jpg"
    photo.save(path, exif=exif)
    wishes = ("strip", "keep", "keep-gps")
    outputs = [{"name": wish, "format": "jpeg", "width": 90, "metadata": wish} for wish in wishes]
    job, found = made(client, tmp_path, client.upload(path), outputs)
    tags = {wish: found[wish].getexif() for wish in wishes}
    assert [tags[wish].get(0x0110) for wish in wishes] == [None, "Model 7", "Model 7"]
    assert [bool(tags[wish].get_ifd(0x8825)) for wish in wishes] == [False, False, True]
    assert job["stages"]["probe"]["result"]["image"]["location"] == {"latitude": "48.500000", "longitude": "9.000000"}
    assert all("location" not in one["media"] for one in job["outputs"])
