"""What the command raises, and the exit code that each error ends with.

CliError (1)
├── ServerError (1)     the server answered that it is at fault, or answered nonsense
├── StackError (1)      the embedded stack could not start, or one of its processes died
├── RefusedError (3)    the request or the file was refused; the problem's `code` says why
├── JobFailedError (4)  the job ended as failed
├── JobCanceledError (5)  the job ended as canceled
└── NoAnswerError (6)   nothing answers at the address

Wrong usage is click's own `UsageError` (2); an interrupt ends with 130. All are part of the public interface.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

EXIT_CODES = """\
  0    done
  1    the server's fault, or something unexpected
  2    wrong usage: an option or argument does not make sense
  3    the request or the file was refused (the problem code is shown)
  4    the job failed
  5    the job was canceled
  6    nothing answers at the address
  130  interrupted by Ctrl-C"""


class CliError(Exception):
    """Base of all: `message` is for people, `document()` for scripts."""

    exit_code = 1
    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def document(self) -> dict[str, Any]:
        """What `--json` prints: `{"code", "detail"}` and, from a server, the rest of its problem."""
        return {"code": self.code, "detail": self.message}

    def notes(self) -> list[str]:
        """Further lines for people, below the message."""
        return []


class StackError(CliError):
    """The embedded stack could not start, or one of its processes died; `log` holds its last lines."""

    def __init__(self, message: str, *, code: str = "stack_error", log: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.log = list(log)

    def notes(self) -> list[str]:
        return self.log


class NoAnswerError(CliError):
    """Nothing answers at the address, or it stopped answering for too long."""

    exit_code = 6
    code = "no_answer"


class ProblemError(CliError):
    """An error that the server described: an RFC 9457 problem, or a job's `error`, kept in `problem`."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("message") or problem.get("title") or "no detail"))
        self.problem = problem
        self.code = str(problem.get("code") or "unknown")

    def document(self) -> dict[str, Any]:
        return {"detail": self.message, **self.problem, "code": self.code}

    def notes(self) -> list[str]:
        facts = {"code": self.code, "stage": self.problem.get("stage"), "request": self.problem.get("request_id")}
        lines = ["  ".join(f"{name}: {value}" for name, value in facts.items() if value)]
        if self.problem.get("status") == 401:
            lines.append("Sign in with `cutwork login`, or set CUTWORK_API_KEY.")
        if self.problem.get("retryable"):
            lines.append("This may pass: try again in a while.")
        return lines + list(_field_lines(self.problem.get("errors")))


class ServerError(ProblemError):
    """The server is at fault, or answered something that is no answer of Cutwork's."""


class RefusedError(ProblemError):
    """The request or the file was refused; nothing but a changed request helps."""

    exit_code = 3


class JobFailedError(ProblemError):
    """The job ended as failed; the problem is the job's `error`."""

    exit_code = 4


class JobCanceledError(CliError):
    """The job ended as canceled."""

    exit_code = 5
    code = "job_canceled"


def _field_lines(errors: object, prefix: str = "") -> list[str]:
    """Flatten `{"keep": {"0": {"end": ["…"]}}}` (nested or dotted names) to lines `keep.0.end: …`."""
    if isinstance(errors, dict):
        return [
            line
            for name, inner in errors.items()
            for line in _field_lines(inner, f"{prefix}.{name}" if prefix else str(name))
        ]
    if isinstance(errors, list):
        return [line for inner in errors for line in _field_lines(inner, prefix)]
    return [] if errors is None else [f"{prefix}: {errors}"]
