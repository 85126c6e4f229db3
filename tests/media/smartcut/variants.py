"""Variants of the sample clip, made by FFmpeg's command line: codecs, GOP structures, containers and clocks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

_H264 = "-c:a copy -c:v libx264 -preset veryfast -crf 20"
_HEVC = "-c:a copy -c:v libx265 -preset ultrafast -tag:v hvc1"

# name: (options before the input, options after it)
VARIANTS: dict[str, tuple[str, str]] = {
    "open.mp4": ("", f"{_H264} -x264-params open-gop=1:keyint=30:bframes=3:min-keyint=30:scenecut=0"),
    "open_idr.mp4": (
        "",
        f"{_H264} -force_key_frames 3 -forced-idr 1 -x264-params open-gop=1:keyint=30:bframes=3:b-adapt=0:scenecut=0",
    ),
    "pyramid.mp4": ("", f"{_H264} -x264-params keyint=40:bframes=6:b-pyramid=normal:b-adapt=0"),
    # Several groups begin among the pictures that are waited for at the end of a range.
    "short.mp4": ("", f"{_H264} -x264-params keyint=6:bframes=3:b-adapt=0"),
    "no_b.mp4": ("", f"{_H264} -bf 0 -g 30"),
    "intra.mp4": ("", f"{_H264} -g 1"),
    "interlaced.mp4": ("", f"{_H264} -flags +ilme+ildct -g 30"),
    "main.mp4": ("", f"{_H264} -g 30 -profile:v main"),
    "baseline.mp4": ("", f"{_H264} -g 30 -profile:v baseline"),
    "high10.mp4": ("", f"{_H264} -g 30 -pix_fmt yuv420p10le"),
    "high422.mp4": ("", f"{_H264} -g 30 -pix_fmt yuv422p"),
    "refresh.mp4": ("", f"{_H264} -g 30 -x264-params intra-refresh=1"),
    "open.mkv": ("", f"{_H264} -x264-params open-gop=1:keyint=30:bframes=3:min-keyint=30:scenecut=0"),
    "clip.mkv": ("", "-c copy"),
    "clip.ts": ("", "-c copy"),
    "clip.mov": ("", "-c copy"),
    "silent.mov": ("", "-c:v copy -an"),
    "clip.flv": ("", "-c copy"),
    "clip.avi": ("", "-c copy"),
    "open.avi": ("", f"{_H264} -x264-params open-gop=1:keyint=30:bframes=3:b-adapt=0:scenecut=0"),
    "mpeg4.avi": ("", "-c:a mp2 -c:v mpeg4 -bf 2 -g 30 -q:v 2"),
    "late.mp4": ("", "-c copy -output_ts_offset 7.3"),
    "late.ts": ("", "-c copy -output_ts_offset 100"),
    "edit_list.mp4": ("-ss 1.5", "-c copy"),
    "negative.mp4": ("", "-c copy -movflags negative_cts_offsets -use_editlist 0 -avoid_negative_ts disabled"),
    "opus.mkv": ("", "-c:v copy -c:a libopus"),
    "opus.mp4": ("", "-c:v copy -c:a libopus"),
    "mp3.mp4": ("", "-c:v copy -c:a libmp3lame"),
    "mp3.ts": ("", "-c:v copy -c:a libmp3lame"),
    "pcm.mov": ("", "-c:v copy -c:a pcm_s16le"),
    "pcm.mkv": ("", "-c:v copy -c:a pcm_s16le"),
    "two_tracks.mp4": ("", "-map 0:v -map 0:a -map 0:a -c:v copy -c:a:0 copy -c:a:1 aac -ar:a:1 32000"),
    "vfr.mp4": ("", f"-vf select=lt(mod(n\\,7)\\,3)+eq(mod(n\\,11)\\,5) -fps_mode vfr {_H264} -g 20"),
    "pause.mp4": ("", f"-vf select=lt(n\\,10)+gt(n\\,100) -fps_mode vfr {_H264} -g 20"),
    "early_end.mp4": ("", "-c:v copy -filter:a atrim=end=4 -c:a aac"),
    "rotated.mp4": ("-display_rotation 90", "-c copy"),
    "colours.mkv": (
        "",
        f"-vf setsar=4/3,setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709 {_H264} -g 30",
    ),
    "hevc.mp4": ("", f"{_HEVC} -x265-params log-level=none:keyint=30:open-gop=1:bframes=4"),
    "hevc10.mp4": ("", f"{_HEVC} -pix_fmt yuv420p10le -x265-params log-level=none:keyint=30:open-gop=1:bframes=4"),
    "hevc_closed.mp4": ("", f"{_HEVC} -x265-params log-level=none:keyint=30:open-gop=0:bframes=4:b-pyramid=1"),
    "hevc_no_b.mkv": ("", f"{_HEVC} -x265-params log-level=none:keyint=30:open-gop=0:bframes=0"),
    "hdr10.mp4": (
        "",
        f"{_HEVC} -pix_fmt yuv420p10le -x265-params log-level=none:keyint=30:open-gop=0:scenecut=0"
        + ":hdr10=1:repeat-headers=1:max-cll=1000,400"
        + ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)",
    ),
    "hevc_noise.mp4": ("", f"-vf noise=alls=20:allf=t {_HEVC} -x265-params log-level=none:keyint=40"),
    "grain.mp4": ("", f"-vf noise=alls=40:allf=t {_H264} -g 30 -crf 18"),
    "hevc.ts": ("", f"{_HEVC} -x265-params log-level=none:keyint=30:open-gop=1:bframes=4"),
    "vp9.webm": ("", "-an -c:v libvpx-vp9 -cpu-used 8 -deadline realtime"),
    "vp9.mp4": ("", "-c:a copy -c:v libvpx-vp9 -cpu-used 8 -deadline realtime -g 30"),
    "av1.mkv": ("", "-c:a libopus -c:v libaom-av1 -cpu-used 8 -usage realtime -g 30"),
    "av1.mp4": ("", "-c:a copy -c:v libaom-av1 -cpu-used 8 -usage realtime -g 30"),
    "mpeg2.ts": ("", "-c:a mp2 -c:v mpeg2video -q:v 2 -g 15 -bf 2"),
}


def make(clip: Path, folder: Path, name: str) -> Path:
    """Make a variant of `clip`, once."""
    target = folder / name
    if not target.exists():
        before, after = VARIANTS[name]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *before.split(), "-i", str(clip)]
        subprocess.run([*command, *after.split(), str(target)], check=True, timeout=120)
    return target
