"""Writes docs/settings.md from the settings: `python -m core.settings_docs`."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from core.settings import Settings

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"


def render() -> str:
    """Return the page as Markdown."""
    lines = [
        "# Settings",
        "",
        "Generated from `core/settings.py` by `python -m core.settings_docs`: change it there.",
        "",
        "Each is read from the environment variable of that name, or from the file that the same name with `_FILE`",
        "added names. The defaults are those of the embedded stack.",
        "",
        "| variable | default | what it is |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        shown = "" if default in (None, "") else f"`{default}`"
        lines.append(f"| `{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
