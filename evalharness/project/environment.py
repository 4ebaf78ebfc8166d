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

    On GitHub every event of a pull request counts, and one that follows a workflow of a fork. An event file that cannot
    be read counts as a fork, and so does a comment on a pull request, which does not say whose it is: the safe side.
    """
    source, own = env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"), env.get("CI_MERGE_REQUEST_PROJECT_PATH")
    if source and own:
        return source != own
    name = env.get("GITHUB_EVENT_NAME", "")
    if not name.startswith("pull_request") and name not in ("workflow_run", "issue_comment"):
        return False
    import json

    try:
        with open(env.get("GITHUB_EVENT_PATH", ""), "rb") as file:
            event = json.load(file)
        if name == "issue_comment":
            return "pull_request" in event["issue"]
        run = name == "workflow_run"
        head = event["workflow_run"]["head_repository"] if run else event["pull_request"]["head"]["repo"]
        return bool(head["full_name"] != env.get("GITHUB_REPOSITORY"))
    except (OSError, ValueError, LookupError, TypeError):
        return True  # also a head repository that was deleted: it is null
