"""The thread that writes to event streams is woken for everything, whenever it comes."""

import select
import socket
import time
from collections import deque

from app import pump
from app.fanout import News

DOCUMENT = {"status": "running", "progress": 0.5}


def rings(one):
    return bool(select.select([one._ear], [], [], 0)[0])


class LastMoment(deque):
    """What is to do; the thread does all of it just before one more thing comes."""

    def __init__(self, one):
        super().__init__()
        self.one = one

    def append(self, item):
        if rings(self.one):
            self.one._hear()
            self.one._do()
        super().append(item)


def test_what_comes_as_the_thread_goes_to_sleep_wakes_it():
    one = pump.Pump()
    one._todo = LastMoment(one)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = pump.Client(ours, time.monotonic() + 60)
        for news in (None, News(DOCUMENT, "1-0"), News(DOCUMENT, "2-0")):
            one._ring(client, news)
            assert rings(one)
