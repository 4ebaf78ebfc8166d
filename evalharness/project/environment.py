"""What the environment says about who runs us: a switch, a CI service, code from a fork."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evalharness.core.errors import UsageError

_YES: Final = ("1", "true", "yes", "on")
_NO: Final = ("", "0", "false", "no", "off")


def switch(env: Mapping[str, str], name: str) -> bool:
    """A variable that is on or off.

    Raises:
        UsageError: If it is neither.
    """
    word = env.get(name, "").lower()
    if word not in (*_YES, *_NO):
        raise UsageError(f"expected 1 or 0, got {env[name]!r}", where=name)
    return word in _YES


def in_ci(env: Mapping[str, str]) -> bool:
    """True when a CI service runs us: nobody can be asked."""
    return bool(env.get("GITHUB_ACTIONS") or env.get("GITLAB_CI")) or env.get("CI", "").lower() not in _NO


def from_fork(env: Mapping[str, str]) -> bool:
    """True when CI says that the code under test comes from a fork: then data only is trusted.

    An event file that cannot be read counts as a fork: the safe side.
    """
    source, own = env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"), env.get("CI_MERGE_REQUEST_PROJECT_PATH")
    if source and own:
        return source != own
    if env.get("GITHUB_EVENT_NAME") not in ("pull_request", "pull_request_target"):
        return False
    import json

    try:
        with open(env.get("GITHUB_EVENT_PATH", ""), "rb") as file:
            head = json.load(file)["pull_request"]["head"]["repo"]["full_name"]
    except (OSError, ValueError, LookupError, TypeError):
        return True  # also a head repository that was deleted: it is null
    return bool(head != env.get("GITHUB_REPOSITORY"))
