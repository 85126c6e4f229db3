"""Housekeeping: what nobody needs any more is found in bounded pages and removed, one kind a file.

Each `sweep` yields what it has removed, or with `dry_run` what it would remove. Two sweeps at once do no harm, and one
that is killed leaves nothing that the next does not find.
"""
