"""The proxy: a small film of a whole source, which every preview of it is cut from.

    plan = plan_proxy(source, keyframes, height=360, width=…)            # media.proxy.plan
    made = [encode_pictures(source, path, segment, plan.look) for …]    # media.proxy.pictures; anywhere, in any order
    sound = encode_sound(source, path, plan.duration)                   # media.proxy.sound
    join_proxy(plan, zip(made, files), (sound, file), target)           # media.proxy.whole

It is H.264 (8 bits, 4:2:0, BT.709) and one stereo AAC track in an MP4, upright and in square pixels. Time in it is that
of the source. It consists of closed groups of pictures, the first of which begins at 0 and each other with the first
picture at or after a multiple of `GRID` seconds; each is encoded by itself, so that a group is the same to the bit
wherever a stretch begins in which it is made. A preview can so be cut nearly anywhere, and a fragment of it be made
before the rest.
"""
