"""Personal data and secrets taken out of production logs, before anything is written.

A find becomes a placeholder such as ``[email-5f1c09a2]``: the same e-mail address gives the same placeholder wherever
it stands, so that pairs stay pairs and answers that repeat it still match; without the project's key nobody can tell
from the placeholder whose it was, not by trying all numbers either. It finds shapes, not meaning: names and street
addresses stay.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

_SHAPES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    (
        "key",
        re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,8000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"),
    ),
    ("key", re.compile(r"\beyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{5,4000}")),
    (
        "key",
        re.compile(
            r"\b(?:sk|pk|rk)[-_](?:[A-Za-z0-9]{1,12}[-_]){0,3}[A-Za-z0-9_-]{16,200}"
            r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|hf_|npm_|pypi-|shpat_|SG\.)[A-Za-z0-9_.-]{16,255}"
            r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{35}"
            r"|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{16,4000}"
        ),
    ),
    ("email", re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")),
    ("card", re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")),
    (
        "phone",
        re.compile(
            r"(?<![\w.+-])(?:\+|00)\d{1,3}[ ./-]?(?:\(\d{1,5}\)[ ./-]?)?\d{1,5}(?:[ ./-]?\d{2,5}){1,4}(?![\w-]|\.\d)"
            r"|(?<![\w.+-])\(\d{2,5}\)[ ./-]?\d{3,5}(?:[ ./-]\d{2,5}){1,3}(?![\w-]|\.\d)"
            r"|(?<![\w.+-])\d{3}[ .-]\d{3}[ .-]\d{4}(?![\w-]|\.\d)"
            r"|(?<![\w.+-])0\d{2,4}[ /-]\d{3,8}(?:[ /-]\d{2,5}){0,3}(?![\w-]|\.\d)"
        ),
    ),
)
_SHORTEST: Final = 6
"""No shape is shorter."""


class Redactor:
    """Takes out what looks like personal data or a secret, and counts it.

    Args:
        key: Secret of the project; the same key gives the same placeholders.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.found: Counter[str] = Counter()
        """Kind (email, phone, card, key) -> how many were replaced."""

    def text(self, text: str) -> str:
        """The text with placeholders."""
        if len(text) < _SHORTEST:
            return text
        for kind, shape in _SHAPES:
            text = shape.sub(self._replace(kind), text)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value with placeholders in all its texts, names of fields included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and 10**12 <= abs(value) < 10**19:
            text = self.text(str(value))  # a card number written as a number
            return value if text == str(value) else text
        return value

    def lines(self) -> list[str]:
        """``2 email addresses, 1 key replaced`` or nothing."""
        if not self.found:
            return []
        parts = ", ".join(f"{count} {kind}" for kind, count in sorted(self.found.items()))
        return [f"redacted before anything was written: {parts}"]

    def name(self, kind: str, secret: str) -> str:
        """A name that stands for a text: the same for the same text under this key."""
        digest = hmac.new(self._key, f"{kind}\x1f{secret}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{kind}-{digest.hexdigest()[:12]}"

    def _replace(self, kind: str) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            secret = match[0]
            digits = re.sub(r"\D", "", secret)
            if kind == "card" and not _luhn(digits):
                return secret
            if kind == "phone" and not 7 <= len(digits) <= 15:
                return secret
            self.found[kind] += 1
            plain = digits if kind in ("card", "phone") else secret.lower() if kind == "email" else secret
            return f"[{self.name(kind, plain)}]"

        return replace


def _luhn(digits: str) -> bool:
    """The check digit of card numbers; one number in ten passes by chance."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
