"""Parallel encoding: an exact re-encode, cut into segments."""
