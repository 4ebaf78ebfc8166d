"""Personal data and secrets in a text, by their shape and, where there is one, their checksum.

| kind | what counts |
| --- | --- |
| ``card`` | 13 to 19 digits, alone or in groups, whose Luhn sum holds (ISO/IEC 7812-1), not all alike |
| ``iban`` | a country, two check digits and the rest in that country's length, whose remainder by 97 is 1 (ISO 13616) |
| ``email`` | a mail address with a top-level domain |
| ``phone`` | ``+`` and 8 to 15 digits, a grouped North American number, or a grouped number that starts with 0 |
| ``key`` | key shapes of widely used services, private-key blocks, JSON web tokens |

Every search takes linear time. What is found is shown with its middle masked: a report must not spread what leaked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_CARD: Final = re.compile(r"(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d]|[.,-]\d)")
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}")
_EMAIL: Final = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9_+-]{1,64}(?:\.[A-Za-z0-9_+-]{1,64}){0,4}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}\b"
)
_PHONE: Final = re.compile(
    r"(?<![\w+])\+\d(?:[ ()./-]{0,2}\d){7,14}(?!\d)"
    r"|(?<![\w(+.-])(?<!\d )\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[.-]\d{4}(?![\w-]| \d)"
    r"|(?<![\w(+.-])(?<!\d )\(?0\d{1,4}\)?[ /-]\d{3,4}[ -]?\d{3,5}(?![\w-]| \d)"
)
_KEY: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{20,200}|gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,64}"
    r"|AKIA[A-Z0-9]{16}|ASIA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}|xox[abprs]-[A-Za-z0-9-]{10,250}|hf_[A-Za-z0-9]{30,60}"
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,99}|eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,2000})"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
)
_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21, "CR": 22,
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22,
    "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27,
    "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
"""Country -> characters of its IBAN (registry of ISO 13616)."""


def luhn_holds(digits: str) -> bool:
    """Whether the Luhn sum of some digits is a multiple of ten."""
    doubled = (2 * int(digit) if place % 2 else int(digit) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def iban_holds(text: str) -> bool:
    """Whether a text without spaces is an IBAN: length of its country, and remainder 1 by 97."""
    text = text.upper()
    if _IBAN_LENGTHS.get(text[:2]) != len(text) or not text.isascii() or not text.isalnum():
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def _cards(text: str) -> Iterator[str]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if luhn_holds(digits) and len(set(digits)) > 1:
            yield digits


def _ibans(text: str) -> Iterator[str]:
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[0][:2].upper(), 0)
        bare, end = _next_alphanumerics(text, match.start(), length)
        if iban_holds(bare) and not text[end : end + 1].isalnum():
            yield bare.upper()


def _next_alphanumerics(text: str, start: int, many: int) -> tuple[str, int]:
    """The next letters and digits, single spaces between them skipped, and where they end."""
    found, place = "", start
    while len(found) < many and place < len(text) and (text[place].isalnum() or text[place : place + 2].strip()):
        if text[place] not in " -" and not text[place].isalnum():
            break
        found += text[place] if text[place].isalnum() else ""
        place += 1
    return found, place


def _emails(text: str) -> Iterator[str]:
    return (match[0].lower() for match in _EMAIL.finditer(text))


def _phones(text: str) -> Iterator[str]:
    return (re.sub(r"[^\d+]", "", match[0]) for match in _PHONE.finditer(text))


def _keys(text: str) -> Iterator[str]:
    return (match[0] for match in _KEY.finditer(text))


KINDS: Final[Mapping[str, Callable[[str], Iterator[str]]]] = {
    "card": _cards,
    "iban": _ibans,
    "email": _emails,
    "phone": _phones,
    "key": _keys,
}
"""Kind -> what finds it, in one spelling (digits without spaces, small letters)."""


def find_secrets(text: str, kinds: tuple[str, ...]) -> dict[str, set[str]]:
    """What of each kind a text holds; kinds that it does not hold are left out."""
    found = {kind: set(KINDS[kind](text)) for kind in kinds}
    return {kind: values for kind, values in found.items() if values}


def masked(value: str) -> str:
    """A secret for people: its ends, the middle as dots."""
    return f"{value[:3]}...{value[-2:]}" if len(value) > 7 else "..."
