"""What an HTTP error status means for an answer: its kind, who is to blame, whether to try again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from evalharness.core.endpoints import shown
from evalharness.core.masking import mask
from evalharness.core.results import Failure
from evalharness.core.retry_after import retry_after_s
from evalharness.core.strictjson import StrictJSONError, loads

_OVERLOADED: Final = frozenset({408, 409, 425, 429})
"""HTTP statuses under 500 after which the same call may work later."""
_KINDS: Final = {401: "unauthorized", 403: "unauthorized", 404: "not_found", 402: "quota", 429: "rate_limited"}
_TOO_MUCH: Final = frozenset({400, 413, 422})
"""The request itself was refused, for example because the prompt does not fit: the candidate's doing."""


def status_failure(status: int, headers: Mapping[str, str], text: str, secrets: tuple[str, ...] = ()) -> Failure:
    """What an HTTP error means.

    Args:
        status: HTTP status, not 2xx.
        headers: Response headers, names in lower case.
        text: Body, perhaps an error object.
        secrets: Values to mask.
    """
    code, said = _error_of(text)
    message = f"HTTP {status}: {shown(mask(said, secrets))}" if said else f"HTTP {status}"
    if code == "content_filter":
        return Failure(stage="candidate", kind="filtered", message=message, blame="candidate")
    if code == "insufficient_quota":
        return Failure(stage="candidate", kind="quota", message=message)
    if status in _TOO_MUCH:
        return Failure(stage="candidate", kind="bad_request", message=message, blame="candidate")
    if 300 <= status < 400:
        return Failure(stage="candidate", kind="redirected", message=f"HTTP {status}: redirects are not followed")
    return Failure(
        stage="candidate",
        kind=_KINDS.get(status, "server_error" if status >= 500 or status in _OVERLOADED else "http_error"),
        message=message,
        retryable=status >= 500 or status in _OVERLOADED,
        retry_after_s=retry_after_s(headers),
    )


def _error_of(text: str) -> tuple[str, str]:
    """(machine code, message) of an error body."""
    try:
        data = loads(text)
    except StrictJSONError:
        return "", text
    error = data.get("error", data) if isinstance(data, dict) else data
    code = error.get("code") or error.get("type") or "" if isinstance(error, dict) else ""
    return str(code), error_text(error)


def error_text(error: Any) -> str:
    """The message in an error value, however it is shaped."""
    if isinstance(error, dict):
        return str(error.get("message") or error.get("detail") or error.get("code") or error)
    return str(error)
