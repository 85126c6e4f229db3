"""One cut by MoviePy with its defaults, run in MoviePy's environment: SOURCE TARGET START END (seconds)."""

import sys

from moviepy import VideoFileClip

source, target, start, end = sys.argv[1:]
with VideoFileClip(source) as clip, clip.subclipped(float(start), float(end)) as part:
    part.write_videofile(target, logger=None)
