"""Free ports on loopback."""

import socket
import sys

_held: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on, all different; on Linux nobody else is given them while this process lives.

    A server takes some time to come. Until then, and after, a socket that is bound and does not listen keeps the kernel
    from giving the port to whoever asks for any; servers ask for theirs by number, with SO_REUSEADDR, and get it.
    """
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
    found = [one.getsockname()[1] for one in sockets]
    if sys.platform == "linux":
        _held.extend(sockets)
    else:
        for one in sockets:
            one.close()
    return found


def free_port() -> int:
    """Return one."""
    return free_ports(1)[0]
