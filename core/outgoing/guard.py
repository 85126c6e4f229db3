"""The rules of outgoing requests: which URLs, and which addresses their hosts may have.

A host is resolved once; what is checked here is what is connected to, so a name that changes its address between the
two (DNS rebinding) gains nothing. Forms like `2130706433` or `0x7f.1` need no rule of their own: the resolver reads
them as the connection would, and the address that comes out is checked.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from core.errors import InputError, TransientError
from core.outgoing import addresses
from core.outgoing.addresses import Address, Network
from core.settings import Settings

Resolver = Callable[[str], Sequence[str]]
"""Return the addresses of a host; raises OSError."""

LONGEST_URL = 2048
_PORTS = {"http": 80, "https": 443}
_LOWEST_PORT = 1024
"""Below it only the web's own ports may be spoken to: no mail servers, no SSH."""
_ODD = re.compile(r"[\x00-\x20\x7f\\]")


def resolve(host: str) -> list[str]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Guard:
    """What may be asked: https alone unless `http`, public addresses alone but for the networks `allow`."""

    http: bool = False
    allow: tuple[Network, ...] = ()
    resolve: Resolver = resolve

    def url(self, text: str) -> httpx.URL:
        """Return a URL that may be asked, as far as it can be told without its host's address.

        Raises InputError `url_refused`.
        """
        if len(text) > LONGEST_URL or _ODD.search(text):
            raise refused(f"an address has at most {LONGEST_URL} characters, none of them blank or a backslash")
        try:
            url = httpx.URL(text)
            host = url.host
        except (httpx.InvalidURL, ValueError) as error:
            raise refused("it is not an address") from error
        if url.scheme not in _PORTS or not host or not 0 < port(url) < 2**16:
            raise refused("write it as https://host/path")
        if url.scheme == "http" and not self.http:
            raise refused("only https is allowed here")
        if url.userinfo:
            raise refused("it must hold no user name or password")
        try:
            # A host that is written as an address needs no resolver.
            numeric = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except OSError:
            return url
        except UnicodeError as error:
            # What the IDNA codec of the standard library will not take: a label that is empty, or too long.
            raise refused("its host is not a name") from error
        self._check([str(entry[4][0]) for entry in numeric], port(url))
        return url

    def addresses(self, url: httpx.URL, *, seconds: float) -> list[Address]:
        """Resolve the host of a URL and return its addresses, all of which may be asked.

        Raises InputError `url_refused`, or `url_unreachable` when there is no such host; TransientError
        `url_unreachable` when that is not told in so many seconds.
        """
        return self._check(self._resolved(url.raw_host.decode("ascii"), seconds), port(url))

    def _resolved(self, host: str, seconds: float) -> Sequence[str]:
        answer: list[Sequence[str] | OSError] = []

        def ask() -> None:
            try:
                answer.append(self.resolve(host))
            except OSError as error:
                answer.append(error)
            except UnicodeError:
                # What the IDNA codec of the standard library will not take.
                answer.append(socket.gaierror(socket.EAI_NONAME, "not a host name"))

        # The system's resolver takes no timeout.
        thread = threading.Thread(target=ask, name="resolve", daemon=True)
        thread.start()
        thread.join(seconds)
        if not answer:
            raise TransientError("url_unreachable", f"The name {host} could not be resolved in time.")
        found = answer[0]
        if isinstance(found, socket.gaierror) and found.errno == socket.EAI_NONAME:
            raise InputError("url_unreachable", f"There is no host {host}: check the address.") from found
        if isinstance(found, OSError):
            raise TransientError("url_unreachable", f"The name {host} could not be resolved.") from found
        return found

    def _check(self, found: Sequence[str], number: int) -> list[Address]:
        try:
            parsed = [addresses.parse(text) for text in found]
        except ValueError as error:
            raise refused("its host has an address that cannot be asked") from error
        # One that is private among public ones is a trick or a mistake; either way nothing is sent.
        for address in parsed:
            if addresses.is_listed(address, self.allow):
                continue
            if not addresses.is_public(address):
                raise refused("its host is not on the public internet")
            if number < _LOWEST_PORT and number not in _PORTS.values():
                raise refused(f"port {number} is not one of the web")
        return parsed


def guard_from(settings: Settings) -> Guard:
    """Return the rules that the settings name."""
    return Guard(http=settings.outgoing_http, allow=addresses.networks(settings.outgoing_allow))


def port(url: httpx.URL) -> int:
    """Return the port of a URL, its scheme's own when it names none."""
    return url.port if url.port is not None else _PORTS[url.scheme]


def refused(why: str) -> InputError:
    """The error for a URL that is not asked."""
    return InputError("url_refused", f"The address is refused: {why}.")
