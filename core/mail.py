"""Mail: by SMTP, or to a folder where no server is set. Sent from a thread, so that no answer tells by its time whether
there was a mail to send."""

from __future__ import annotations

import queue
import smtplib
import ssl
import threading
import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import lru_cache
from pathlib import Path

import structlog

from core.ids import new_id
from core.settings import Settings, get_settings
from core.telemetry import metrics

_TRIES = 4
_FIRST_PAUSE_S = 1.0
_TIMEOUT_S = 20
_log = structlog.get_logger(__name__)


def send(kind: str, to: str, subject: str, text: str) -> None:
    """Send a message soon; what cannot be sent in several tries is logged, without address or text."""
    metrics.MAILS_WAITING.inc()
    _outbox().put((Letter(kind, to, subject, text), get_settings()))


def flush() -> None:
    """Wait until all that was sent has left."""
    _outbox().join()


@dataclass(frozen=True)
class Letter:
    """What to send; it becomes a message in the thread."""

    kind: str
    to: str
    subject: str
    text: str

    def message(self, sender: str) -> EmailMessage:
        """Return it as RFC 5322 wants it; raises ValueError for an address that no header can hold."""
        message = EmailMessage()
        message["From"] = sender
        message["To"] = self.to
        # A name in it may hold what ends a line.
        message["Subject"] = " ".join(self.subject.split())
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain="cutwork")
        message["Auto-Submitted"] = "auto-generated"
        # Not in quoted-printable, which breaks tokens in two for whoever reads the file.
        message.set_content(self.text, cte="8bit")
        return message


Outbox = queue.Queue[tuple[Letter, Settings]]


@lru_cache(maxsize=1)
def _outbox() -> Outbox:
    outbox: Outbox = queue.Queue()
    threading.Thread(target=_deliver_all, args=(outbox,), name="mail", daemon=True).start()
    return outbox


def _deliver_all(outbox: Outbox) -> None:
    while True:
        letter, settings = outbox.get()
        try:
            message = letter.message(settings.mail_from)
        except ValueError:
            metrics.MAILS.labels("given_up").inc()
            _log.error("mail given up: its address fits no header", kind=letter.kind)
        else:
            _deliver(letter.kind, message, settings)
        finally:
            metrics.MAILS_WAITING.dec()
            outbox.task_done()


def _deliver(kind: str, message: EmailMessage, settings: Settings) -> None:
    for number in range(1, _TRIES + 1):
        try:
            if settings.smtp_host:
                _by_smtp(message, settings)
                _log.info("mail sent", kind=kind)
            elif settings.mail_dir:
                _log.info("mail kept", kind=kind, file=str(_to_folder(message, settings.mail_dir)))
            else:
                metrics.MAILS.labels("given_up").inc()
                _log.warning("mail not sent: set SMTP_HOST, or MAIL_DIR to keep it", kind=kind)
                return
        except (OSError, smtplib.SMTPException) as error:
            # The reason is not logged: servers repeat the address in it.
            _log.warning("mail not sent yet", kind=kind, attempt=number, error=type(error).__name__)
            metrics.MAILS.labels("retried" if number < _TRIES else "given_up").inc()
            time.sleep(_FIRST_PAUSE_S * 2**number if number < _TRIES else 0)
        else:
            metrics.MAILS.labels("sent").inc()
            return
    _log.error("mail given up", kind=kind)


def _by_smtp(message: EmailMessage, settings: Settings) -> None:
    assert settings.smtp_host is not None
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=_TIMEOUT_S, context=context
        )
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_TIMEOUT_S)
    with server:
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)


def _to_folder(message: EmailMessage, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{new_id('mail')}.eml"
    draft = path.with_suffix(".tmp")
    draft.write_bytes(bytes(message))
    draft.replace(path)
    return path
