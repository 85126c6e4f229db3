"""Benchmarks of the engine: `make bench`, or one at a time by `python -m bench.trim` and `python -m bench.io`."""
