"""Mail by SMTP against a server of our own, tried again when that one is busy."""

import base64
import socketserver
import threading

import pytest

from core import mail
from core.settings import get_settings
from core.telemetry import metrics
from tests.services.process import LONG_S

TO, TEXT = "ada@example.org", "the token: " + "x" * 200 + "\nZoë"


class Server(socketserver.ThreadingTCPServer):
    """Speaks as much of RFC 5321 as a client needs; the first `busy` sessions are turned away."""

    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.busy = 0
        self.logins, self.messages = [], []


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        if self.server.busy:
            self.server.busy -= 1
            return self.say("421 ask later: ada@example.org")
        self.say("220 here")
        for line in self.rfile:
            verb, _, rest = line.decode().strip().partition(" ")
            match verb.upper():
                case "EHLO":
                    self.say("250-here\r\n250-8BITMIME\r\n250 AUTH PLAIN")
                case "AUTH":
                    self.server.logins.append(base64.b64decode(rest.split()[-1]).decode().split("\0")[1:])
                    self.say("235 welcome")
                case "DATA":
                    self.say("354 go on")
                    self.server.messages.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                    self.say("250 taken")
                case "QUIT":
                    return self.say("221 bye")
                case _:
                    self.say("250 fine")
        return None

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def server(monkeypatch):
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings = {"HOST": "127.0.0.1", "PORT": server.server_address[1], "SECURITY": "none", "USER": "u", "PASSWORD": "p"}
    for name, value in settings.items():
        monkeypatch.setenv(f"SMTP_{name}", str(value))
    monkeypatch.setattr(mail, "_FIRST_PAUSE_S", 0.01)
    get_settings.cache_clear()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def counted():
    """What has become of mails until now, and how many wait."""
    outcomes = ("sent", "retried", "given_up")
    return [metrics.MAILS.labels(one)._value.get() for one in outcomes], metrics.MAILS_WAITING._value.get()


def test_what_waits_and_what_became_of_it_is_counted(server, monkeypatch):
    before, waiting = counted()
    at_work, go_on = threading.Event(), threading.Event()

    def by_smtp(message, settings):
        at_work.set()
        assert go_on.wait(LONG_S)
        send_by_smtp(message, settings)

    send_by_smtp = mail._by_smtp
    monkeypatch.setattr(mail, "_by_smtp", by_smtp)
    server.busy = 5
    for _ in range(3):
        mail.send("test", TO, "Hello", TEXT)
    assert at_work.wait(LONG_S)
    assert counted() == (before, waiting + 3)
    go_on.set()
    mail.flush()
    # The first is given up at its fourth try, the second gets through at its second.
    assert counted() == ([before[0] + 2, before[1] + 4, before[2] + 1], waiting)


def test_a_mail_goes_out_whole(server):
    mail.send("test", TO, "Größe", TEXT)
    mail.flush()
    [message] = server.messages
    assert server.logins == [["u", "p"]]
    assert f"To: {TO}\r\n" in message
    assert TEXT.replace("\n", "\r\n") in message, "no line is broken, and no letter is lost"


def test_a_server_that_is_busy_is_asked_again(server, caplog, capfd):
    server.busy = 2
    mail.send("test", TO, "Hello", TEXT)
    mail.flush()
    assert len(server.messages) == 1
    server.busy = 100
    mail.send("test", TO, "Hello", TEXT)
    mail.flush()
    assert len(server.messages) == 1
    said = capfd.readouterr()
    log = caplog.text + said.out + said.err
    assert "mail given up" in log
    assert TO not in log, "the server's answer repeats the address"


def test_what_fits_no_header_stops_nobody_elses_mail(server):
    mail.send("test", '"a\vb"@example.org', "Hello", TEXT)
    mail.send("test", TO, "An invitation to a\u2028b", TEXT)
    mail.flush()
    [message] = server.messages
    assert "Subject: An invitation to a b\r\n" in message
