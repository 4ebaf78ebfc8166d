"""The one filter that takes secrets out of a text before anybody sees it: screen, log, error, traceback, store, report.

Known secrets are the values of variables that name one (``*_API_KEY``, ``*_TOKEN``, ..) as they were when the first
text was filtered, and each key that is given out later. They are found as they are and in the forms in which a server,
a traceback or a model could hand them back: base64 at any alignment, URL-encoded, hexadecimal, HTML-escaped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

MASK: Final = "[secret]"
SECRET_NAME: Final = re.compile(r"(?:^|_)(?:API_KEY|TOKEN|SECRET|PASSWORD|ACCESS_KEY)$", re.IGNORECASE)
"""Names of variables whose values are never shown."""
SHORTEST: Final = 8
"""Characters; a shorter value would be found in ordinary words."""
HEAD: Final = 16
"""Characters at the start of a secret that are hidden where the rest was cut off (half of a short one): many keys begin
with a dozen that everybody knows."""
_CREDENTIAL: Final = re.compile(
    r"(?i)(?:bearer\s+|\bsk-|\bapi[-_]?key[\"']?\s*[:=]\s*[\"']?|://[^/\s:@]+:)([A-Za-z0-9._~+/=-]{8,})"
)
"""What looks like a credential whatever its value: bearer tokens, sk-..., api_key=..., passwords in addresses."""
_MARKUP: Final = re.compile(r"[\\`*_\[\]<>&|~$!]")
"""What ``report.sinks.md_text`` leads with a backslash."""
_known: set[str] = set()
_read: list[bool] = []
"""Not empty once the environment was looked at."""


def note_secret(value: str) -> None:
    """Remember a value that must never be shown from now on; one that is too short to be told from words is not."""
    if len(value) >= SHORTEST and value not in _known:
        _known.add(value)
        known_forms.cache_clear()


def forget_secrets() -> None:
    """Start anew: the environment is read again when the next text is filtered."""
    _known.clear()
    _read.clear()
    known_forms.cache_clear()


def secrets_in(environ: Mapping[str, str]) -> set[str]:
    """The values of variables that hold secrets by their names."""
    return {value.strip() for name, value in environ.items() if SECRET_NAME.search(name)}


@lru_cache(maxsize=1)
def known_forms() -> tuple[str, ...]:
    """Every form of every known secret, the longest first."""
    if not _read:
        _read.append(True)
        _known.update(value for value in secrets_in(os.environ) if len(value) >= SHORTEST)
    return tuple(sorted({form for value in _known for form in forms_of(value)}, key=lambda form: (-len(form), form)))


def without_secrets(text: str) -> str:
    """A text with each known secret replaced by ``[secret]``; nothing else in it is touched."""
    for form in known_forms():
        if form in text:
            text = text.replace(form, MASK)
    for secret in _known:
        start = secret[: max(SHORTEST, min(HEAD, len(secret) // 2))]
        if start in text:
            text = _without_start(text, start, secret[len(start) :])
    return text


def _without_start(text: str, start: str, rest: str) -> str:
    """A text without the start of a secret whose end was cut off: as far as the two agree."""
    from itertools import takewhile

    first, *others = text.split(start)
    same = (
        sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(part, rest, strict=False))) for part in others
    )
    return MASK.join((first, *(part[length:] for part, length in zip(others, same, strict=True))))


def without_secrets_in(value: Any) -> Any:
    """A JSON value with each of its strings and keys filtered; the same object when nothing was found."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        pairs = {without_secrets(key): without_secrets_in(item) for key, item in value.items()}
        return value if all(pairs.get(key) is item for key, item in value.items()) else pairs
    if isinstance(value, (list, tuple)):
        items = [without_secrets_in(item) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """A message without known secrets, without these, and without whatever looks like a credential.

    Args:
        text: A message, perhaps echoed by a server.
        secrets: Further values that must not appear; shorter than 4 characters are ignored.
    """
    text = without_secrets(text)
    for secret in secrets:
        if len(secret) >= 4:
            for form in forms_of(secret):
                text = text.replace(form, MASK)
    return _CREDENTIAL.sub(lambda match: match[0].replace(match[1], MASK), text)


def forms_of(secret: str) -> tuple[str, ...]:
    """A secret as it is and as it could come back, each at least as long as is needed to know it again."""
    from html import escape
    from urllib.parse import quote, quote_plus

    raw = secret.encode("utf-8", "surrogatepass")
    percent = "".join(f"%{byte:02x}" for byte in raw)
    forms = [secret, secret[::-1], quote(raw, safe=""), quote_plus(raw), quote(raw, safe="").lower(), escape(secret)]
    forms += [percent, percent.upper(), raw.hex(), raw.hex().upper(), *_base64_forms(raw), *_written_forms(secret)]
    return tuple(dict.fromkeys(form for form in forms if len(form) >= min(len(secret), SHORTEST)))


def _written_forms(secret: str) -> list[str]:
    r"""The secret inside JSON (some servers write a slash as ``\/``), inside JSON in a page, in Markdown, in a CSV cell."""
    from json import dumps

    quoted = dumps(secret)[1:-1]
    in_page = "".join(f"\\u{ord(char):04x}" if char in "<>&" else char for char in quoted)
    return [quoted, quoted.replace("/", "\\/"), in_page, _MARKUP.sub(r"\\\g<0>", secret), secret.replace('"', '""')]


def _base64_forms(raw: bytes) -> list[str]:
    """The secret in base64 at each of the three alignments, cut to the characters that depend on it alone."""
    from base64 import b64encode, urlsafe_b64encode

    forms = []
    for encode in (b64encode, urlsafe_b64encode):
        for shift in range(3):
            usable = (len(raw) + shift) // 3 * 3 - shift
            text = encode(b"\0" * shift + raw[:usable]).decode("ascii")
            forms.append(text[4 if shift else 0 :])
    return [form for form in forms if len(form) >= 8]
