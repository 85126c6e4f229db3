"""HTTP Live Streaming (RFC 8216) of finished films: fragments in one file, found by byte ranges, and their playlists.

Nothing is decoded and nothing encoded here but in `media.hls.seams` and `media.hls.rungs`. `media.hls.index` and
`media.hls.playlist` load neither PyAV nor NumPy: whoever serves playlists needs no engine.
"""
