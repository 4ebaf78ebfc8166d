"""No test reaches the network: loaded by ``tests/conftest.py``, and by every Python that a test starts (as sitecustomize).

An audit hook sees each connection and look-up of the process, whoever makes it, and cannot be taken off again. What does not
stay on this machine is refused. It is also noted in the file that EVALH_TEST_NETWORK_LOG names, for code that swallows the
refusal, unless the host cannot exist (RFC 2606): those are what a test names on purpose.
"""

import os
import sys

EVENTS = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.bind": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
}
"""Event -> which argument is the address."""
NOWHERE = (".example", ".example.com", ".example.org", ".example.net", ".invalid", ".test")
LOG = "EVALH_TEST_NETWORK_LOG"


class NetworkRefused(OSError):
    """A test tried to leave this machine."""


def stays_here(host):
    """True for loopback, Unix sockets and the empty name."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("latin-1")
    if host is None or not isinstance(host, str):
        return host is None or isinstance(host, int)  # netlink and the like
    return host in ("", "localhost", "::1", "0.0.0.0") or host.startswith(("127.", "\x00")) or "/" in host


def refuse(event, args):
    """The hook."""
    place = EVENTS.get(event)
    if place is None:
        return
    address = args[place]
    host = address[0] if isinstance(address, tuple) and address else address
    if stays_here(host):
        return
    host = str(host)
    log = os.environ.get(LOG)
    if log and not f".{host}".endswith(NOWHERE):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{event} {host}\n")
    raise NetworkRefused(f"tests do not reach the network: {event} {host}")


if "pip" not in sys.orig_argv and not any(word.endswith("/pip") for word in sys.orig_argv):
    sys.addaudithook(refuse)
