"""What a server means by Retry-After, in all its forms."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait before the next call.

    Args:
        headers: Response headers; names are looked up in lower case and must compare so.

    Returns:
        From ``retry-after-ms`` (milliseconds), else from ``retry-after`` (seconds, whole or not, or an HTTP date, which
        is compared with the server's own ``date`` where it sends one). None for anything else: negative, NaN, words,
        a date that has passed.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    return seconds if seconds is not None or text is None else _until(text, headers.get("date"))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _until(date: str, now: str | None) -> float | None:
    moment = _moment(date)
    if moment is None:
        return None
    server_now = _moment(now) if now else None
    seconds = moment - (time.time() if server_now is None else server_now)
    return seconds if seconds >= 0 else None


def _moment(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
