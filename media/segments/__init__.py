"""Parallel encoding: an exact re-encode cut into segments that any number of workers encode, and joined without loss.

    plan, sound = split(source, keyframes, keep, width=…)              # media.segments.split, by media.segments.plan
    made = [encode_segment(source, path, segment) for …]        # media.segments.pictures; anywhere, in any order
    sound = encode_sound(source, path, ranges(plan))            # media.segments.sound
    join(plan, zip(made, files), (sound, file), target)         # media.segments.join

The result has exactly the frames and times that `media.trim.trim` gives the same request. A plan of one segment means
that splitting does not pay or cannot be done: call `trim`. So does the error `NotSplittable`.
"""
