"""What happened, written down by the database itself: triggers log every claim, end and commit as they take effect.

The rows of the system say how things ended. To judge who committed what, and how soon a stage was taken up again, one
must know what was in between: which attempt began when, by which process, and over which connection it was ended.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, text

_TABLES = """
CREATE TABLE chaos_log (
    id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), kind text NOT NULL,
    job_id text, stage text, digest text, was text, becomes text, attempt int,
    old_owner text, new_owner text, session text);
CREATE TABLE chaos_sessions (session text, process text, PRIMARY KEY (session, process));

CREATE FUNCTION chaos_session() RETURNS text LANGUAGE sql AS
    $$ SELECT pg_backend_pid() || '/' || inet_client_port() $$;

-- A lease that is taken or renewed tells which process a connection belongs to: owner is `host/process/attempt`.
CREATE FUNCTION chaos_stage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.lease_owner IS NOT NULL AND NEW.lease_expires_at IS DISTINCT FROM OLD.lease_expires_at THEN
        INSERT INTO chaos_sessions VALUES (chaos_session(), split_part(NEW.lease_owner, '/', 2)) ON CONFLICT DO NOTHING;
    END IF;
    IF OLD.status IS DISTINCT FROM NEW.status OR OLD.lease_owner IS DISTINCT FROM NEW.lease_owner THEN
        INSERT INTO chaos_log (kind, job_id, stage, was, becomes, attempt, old_owner, new_owner, session)
        VALUES ('stage', NEW.job_id, NEW.name, OLD.status, NEW.status, NEW.attempt, OLD.lease_owner, NEW.lease_owner,
                chaos_session());
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION chaos_job() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.status IS DISTINCT FROM NEW.status THEN
        INSERT INTO chaos_log (kind, job_id, was, becomes) VALUES ('job', NEW.id, OLD.status, NEW.status);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION chaos_artifact() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_log (kind, digest) VALUES ('artifact ' || lower(TG_OP), COALESCE(NEW.digest, OLD.digest));
    RETURN NULL;
END $$;
CREATE TRIGGER chaos AFTER UPDATE ON job_stages FOR EACH ROW EXECUTE FUNCTION chaos_stage();
CREATE TRIGGER chaos AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION chaos_job();
CREATE TRIGGER chaos AFTER INSERT OR UPDATE OR DELETE ON artifacts FOR EACH ROW EXECUTE FUNCTION chaos_artifact();
"""


@dataclass
class Hold:
    """One attempt at a stage: from its claim to whatever ended it; `process` is the id of who claimed."""

    job_id: str
    stage: str
    attempt: int
    process: int
    begun: datetime
    ended: datetime | None = None
    becomes: str | None = None


@dataclass
class History:
    """All that was logged, in order."""

    holds: list[Hold] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    """Stages that were ended well over the connection of another process than the one that held the lease."""
    witnessed: int = 0
    """Commits whose process is known by its connection; the others prove nothing."""
    twice: list[str] = field(default_factory=list)
    """Stages that became succeeded twice."""
    after_cancel: list[str] = field(default_factory=list)
    """Stages that changed after their job was canceled."""
    artifacts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """What was done to the artifact of each digest: insert, update, delete."""


def install(connection: Connection) -> None:
    """Begin to log; the tables of the system are there and empty."""
    connection.execute(text(_TABLES))


def read(connection: Connection) -> History:
    """Read the log and put it together."""
    processes: dict[str, set[int]] = defaultdict(set)
    for session, process in connection.execute(text("SELECT session, process FROM chaos_sessions")):
        processes[session].add(int(process))
    history = History()
    open_holds: dict[str, Hold] = {}
    succeeded: set[tuple[str, str]] = set()
    canceled: set[str] = set()
    for row in connection.execute(text("SELECT * FROM chaos_log ORDER BY id")):
        if row.kind.startswith("artifact"):
            history.artifacts[row.digest].append(row.kind.removeprefix("artifact "))
            continue
        if row.kind == "job":
            canceled |= {row.job_id} if row.becomes == "canceled" else set()
            continue
        at = (row.job_id, row.stage)
        named = f"{row.stage} of {row.job_id}"
        hold = open_holds.pop(row.old_owner, None) if row.old_owner else None
        if hold:
            hold.ended, hold.becomes = row.at, row.becomes
        if row.new_owner:
            process = int(row.new_owner.split("/")[1])
            open_holds[row.new_owner] = Hold(*at, row.attempt, process, row.at)
            history.holds.append(open_holds[row.new_owner])
        if row.becomes == "succeeded":
            history.twice += [named] if at in succeeded else []
            succeeded.add(at)
            _judge(history, named, hold, processes.get(row.session))
        if row.job_id in canceled and row.becomes != "canceled":
            history.after_cancel.append(named)
    return history


def keep(connection: Connection, path: Path) -> None:
    """Write the log to a file, a line a row, for whoever looks for a cause."""
    with path.open("w") as file:
        for row in connection.execute(text("SELECT * FROM chaos_log ORDER BY id")):
            print(*(value for value in row if value is not None), file=file)


def _judge(history: History, named: str, hold: Hold | None, known: set[int] | None) -> None:
    if hold and known:
        history.witnessed += 1
        if known != {hold.process}:
            history.strangers.append(f"{named}: held by {hold.process}, ended by {sorted(known)}")
