"""Where a call goes, whether that is allowed, and what must never be shown of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from evalharness.core.errors import ConfigError

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Host names that never leave the machine."""

_CREDENTIAL: Final = re.compile(
    r"(?i)(?:bearer\s+|\bsk-|\bapi[-_]?key[\"']?\s*[:=]\s*[\"']?|://[^/\s:@]+:)([A-Za-z0-9._~+/=-]{8,})"
)
"""What looks like a credential whatever its value: bearer tokens, sk-..., api_key=..., passwords in addresses."""
_MASK: Final = "[secret]"


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


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """The one function that takes secrets out of a text before anybody sees it.

    Args:
        text: A message, perhaps echoed by a server.
        secrets: Values that must not appear, as they are or in base64; shorter than 4 characters are ignored.

    Returns:
        The text with each secret, and everything that looks like a credential, replaced by ``[secret]``.
    """
    for secret in secrets:
        if len(secret) >= 4:
            for form in (secret, *_base64_forms(secret)):
                text = text.replace(form, _MASK)
    return _CREDENTIAL.sub(lambda match: match[0].replace(match[1], _MASK), text)


def _base64_forms(secret: str) -> list[str]:
    """The secret in base64 at each of the three alignments, cut to the characters that depend on it alone."""
    from base64 import b64encode, urlsafe_b64encode

    raw = secret.encode("utf-8")
    forms = []
    for encode in (b64encode, urlsafe_b64encode):
        for shift in range(3):
            usable = (len(raw) + shift) // 3 * 3 - shift
            text = encode(b"\0" * shift + raw[:usable]).decode("ascii")
            forms.append(text[4 if shift else 0 :])
    return [form for form in forms if len(form) >= 8]


def shown(text: str, limit: int = 200) -> str:
    """Untrusted text for one line of a message: control characters replaced, cut to ``limit`` characters."""
    line = "".join(char if char.isprintable() else " " for char in text[: limit * 2])
    line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
