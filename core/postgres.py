"""Connections to PostgreSQL that send together what can be sent together.

A transaction of a few small statements costs more in messages to and fro than in work. Here a transaction begins with
its first statement, in one message; a statement whose answer nobody wants waits for the next one, or for the commit,
and goes with it. The server executes what comes in one message in its order, each statement with a snapshot of its own
(https://www.postgresql.org/docs/current/protocol-flow.html, "Multiple Statements in a Simple Query").
"""

from __future__ import annotations

from typing import Any

from psycopg2 import Error, extensions


class Connection(extensions.connection):  # type: ignore[misc]
    """To SQLAlchemy one of psycopg2 like any other, that is in a transaction from its first statement on.

    In autocommit each message is a transaction by itself, with what was put off until it.
    """

    def __init__(self, *settings: Any, **options: Any) -> None:
        super().__init__(*settings, **options)
        # Then psycopg2 sends nothing by itself; what it believes of transactions is not asked.
        self.set_session(autocommit=True)
        self.cursor_factory = _Cursor
        self._each_alone = False
        self._waiting: list[bytes] = []

    @property
    def autocommit(self) -> bool:
        """Whether each message is a transaction by itself."""
        return self._each_alone

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._each_alone = value

    def set_isolation_level(self, level: int | None) -> None:
        """Choose between autocommit and transactions as the server has them by default; there are no others here."""
        self._each_alone = level == extensions.ISOLATION_LEVEL_AUTOCOMMIT

    def put_off(self, statement: str, values: dict[str, Any]) -> None:
        """Send a statement with the next message; what is wrong with it, that one raises."""
        with self.cursor() as cursor:
            self._waiting.append(cursor.mogrify(statement, values))

    def take_waiting(self) -> list[bytes]:
        """Return what is to be sent before the next statement, which is then no more to be sent."""
        waiting, self._waiting = self._waiting, []
        if not self._each_alone and self._is_idle():
            return [b"BEGIN", *waiting]
        return waiting

    def commit(self) -> None:
        """End the transaction, if there is one, with all that was put off."""
        if self._waiting or not self._is_idle():
            try:
                with self.cursor() as cursor:
                    cursor.execute("COMMIT")
            except Error:
                # What had been put off was wrong. After a commit, whatever came of it, nobody asks for a rollback.
                if self.get_transaction_status() == extensions.TRANSACTION_STATUS_INERROR:
                    self.rollback()
                raise

    def rollback(self) -> None:
        """Take the transaction back, if there is one, and forget what was put off."""
        self._waiting.clear()
        if not self._is_idle():
            with self.cursor() as cursor:
                cursor.execute("ROLLBACK")

    def _is_idle(self) -> bool:
        # libpq's own knowledge, from the last answer. Of a connection that is broken it knows nothing, and what is sent
        # then raises, as it should.
        return bool(self.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE)


class _Cursor(extensions.cursor):  # type: ignore[misc]
    def execute(self, query: str | bytes, vars: Any = None) -> None:
        before = self.connection.take_waiting()
        if before:
            # Each has its own values, so that they are put in before.
            query, vars = b";\n".join([*before, self.mogrify(query, vars)]), None
        super().execute(query, vars)
