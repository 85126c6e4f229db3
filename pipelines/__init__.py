"""Celery canvases: one file per pipeline, and the registry that the API reads."""
