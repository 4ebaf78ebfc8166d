"""Where a call goes, and whether that is allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from evalharness.core.errors import ConfigError
from evalharness.core.masking import mask, without_secrets

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Host names that never leave the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The checked address of an endpoint."""

    url: str
    """Without a slash at the end."""
    host: str
    """Host name in lower case."""
    place: str
    """``HOST`` or ``HOST:PORT``, as rates and messages name it."""
    loopback: bool
    """True when the call stays on this machine."""


def address(url: str, *, where: str) -> Address:
    """Check the address of an endpoint: https, or loopback; no credentials inside.

    Args:
        url: As the config gives it.
        where: ``FILE:LINE: key`` for the error.

    Raises:
        ConfigError: If it is not an http(s) address, holds credentials, or is plain http to another machine.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise ConfigError(f"not an address: {mask(str(error))}", where=where) from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\s\\]", url):
        raise ConfigError(f"expected an http or https address, got {mask(url)!r}", where=where)
    if parts.username or parts.password:
        raise ConfigError("the address holds credentials", where=where, tip="name a variable with api_key_env instead")
    loopback = host in LOOPBACK or re.fullmatch(r"127(?:\.\d{1,3}){3}", host) is not None
    if parts.scheme == "http" and not loopback:
        raise ConfigError(f"plain http to {host!r}, another machine", where=where, tip="use https")
    shown = f"[{host}]" if ":" in host else host
    return Address(url=url.rstrip("/"), host=host, place=f"{shown}:{port}" if port else shown, loopback=loopback)


def shown(text: str, limit: int = 200) -> str:
    """Untrusted text for one line of a message: secrets out, control characters replaced, cut to ``limit`` characters."""
    text = without_secrets(text[: limit * 20])  # first: half a key is not found any more
    line = "".join(char if char.isprintable() else " " for char in text[: limit * 2])
    line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
