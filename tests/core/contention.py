"""Two transactions in each other's way, on a real server."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from core.db import reading, transaction
from tests.services.process import LONG_S, wait_until

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def both(first, second, *, hold):
    """Do two things at the same moment, in that order in the queue for what the statement `hold` locks."""
    with ThreadPoolExecutor(2) as pool, reading() as other:
        with transaction() as session:
            session.execute(hold)
            began = []
            for number, act in enumerate((first, second), 1):
                began.append(pool.submit(act))
                wait_until(lambda number=number: other.scalar(WAITING) == number)
        return [one.result(timeout=LONG_S) for one in began]
