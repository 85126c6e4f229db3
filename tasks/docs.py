"""Writes docs/stages.md from the registry: `python -m tasks.docs`."""

from __future__ import annotations

from pathlib import Path

from tasks.stages import ERRANDS, PERIODIC, POOLS, STAGES, queues

PAGE = Path(__file__).parent.parent / "docs" / "stages.md"


def render() -> str:
    """Return the page as Markdown."""
    lines = [
        "# Stages",
        "",
        "Generated from `tasks/stages.py` by `python -m tasks.docs`: change it there.",
        "",
        "A stage is one kind of work with a queue of its own, which bears its name. Workers of a pool consume the",
        "queues of that pool, so that encoding scales apart from the light work.",
        "",
        "| stage | what it does | pool | soft limit | hard limit | attempts | retries | weight | version |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{stage.name}` | {stage.summary} | {stage.pool} | {_span(stage.soft_limit_s)} "
        f"| {_span(stage.hard_limit_s)} | {stage.attempts} | {stage.retries} | {stage.weight:g} | {stage.version} |"
        for stage in STAGES.values()
    ]
    lines += ["", "| pool | queues |", "|---|---|"]
    lines += [f"| {pool} | {', '.join(f'`{queue}`' for queue in queues(pool))} |" for pool in POOLS]
    lines += [
        "",
        "A pool also does errands, which are no stages of a job; rows of their own say what is due.",
        "",
        "| errand | what it does | pool | limit |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{errand.name}` | {errand.summary} | {errand.pool} | {_span(errand.limit_s)} |"
        for errand in ERRANDS.values()
    ]
    lines += [
        "",
        "Beat sends these to the pool `maintenance`, which so never waits for a stage; the settings say how often.",
        "",
        "| task | what it does | queue | period | limit |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{task.name}` | {task.summary} | `{task.queue}` | `{task.every.upper()}` | {_span(task.limit_s)} |"
        for task in PERIODIC.values()
    ]
    return "\n".join(lines) + "\n"


def _span(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes = rest // 60
    return " ".join(filter(None, (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "")))


if __name__ == "__main__":
    PAGE.write_text(render())
