"""Copies long runs of samples as bytes, where an MP4 is cut into an MP4.

Packet by packet, Python costs more than all else of a cut. Between its edges a range is the source's own samples, in
the source's own order, and the index tells where they lie: so they are read a few megabytes at a time, written as they
are, and put into the index of the finished file by whole tables. FFmpeg's muxer writes the rest, and does not know.
"""
