"""What git knows: the commit a run was made at, and files as they were at another commit. Read-only."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from evalharness.core.errors import BaselineError
from evalharness.core.masking import mask


def _git(root: Path, *args: str) -> bytes | None:
    """Standard output of a git command, or None when git is missing or says no."""
    import subprocess

    if hidden_repository(root) is not None:
        return None
    # A repository can name programs in its config (fsmonitor, external diff); none of them may run for a look.
    safe = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "diff.external=")
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, arguments are ours, no shell
            ["git", *safe, "-C", str(root), *args],  # noqa: S607 - git is found on PATH like every developer's own
            capture_output=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def hidden_repository(root: Path) -> Path | None:
    """A folder that git would take for a repository though it has no ``.git``: files of a checkout can look like one.

    Its refs and its config are then those of whoever committed these files. (``safe.bareRepository`` is git's own
    defence, from 2.38 on and off by itself.)

    Args:
        root: Folder of the project; it and those above it are looked at, up to the first with a ``.git``.
    """
    inside = root.resolve()
    for folder in (inside, *inside.parents):
        if (folder / ".git").exists():
            return None
        parts = ((folder / name).exists() for name in ("objects", "refs"))
        if os.path.lexists(folder / "HEAD") and (all(parts) or (folder / "commondir").exists()):
            return folder
    return None


def refuse_strange_repository(root: Path, env: Mapping[str, str]) -> None:
    """Refuse to take rules from a repository that a pull request could have chosen.

    Args:
        root: Folder of the project.
        env: GITHUB_REPOSITORY names the repository whose base branch is trusted.

    Raises:
        BaselineError: If files of the checkout look like a repository, if the project lies in a submodule (a pull request
            can point it anywhere), or if the clone is of another repository.
    """
    hidden = hidden_repository(root)
    if hidden is not None:
        raise BaselineError(
            f"files in {hidden.name}/ look like a git repository of their own (HEAD, objects, refs)",
            tip="no base ref is read while they are there: delete them",
        )
    if (_git(root, "rev-parse", "--show-superproject-working-tree") or b"").strip():
        raise BaselineError(
            "the project lies in a submodule, which a pull request can point anywhere",
            tip="run evalh in a checkout of that repository",
        )
    origin = (_git(root, "config", "--get", "remote.origin.url") or b"").decode("utf-8", "replace").strip()
    own = env.get("GITHUB_REPOSITORY", "")
    if own and origin and not re.search(rf"(?:^|[/:]){re.escape(own)}(?:\.git)?/?$", origin, re.IGNORECASE):
        raise BaselineError(
            f"this is a clone of {mask(origin)!r}, so its base branch is not that of {own}",
            tip=f"check out {own} itself (refs/pull/NUMBER/merge) with fetch-depth: 0",
        )


def commit_of(root: Path) -> str:
    """Commit of the checkout at ``root``: 40 hex digits, ``+dirty:DIGEST`` when tracked files differ; empty outside git."""
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return ""
    difference = _git(root, "diff", "--no-ext-diff", "--no-textconv", "HEAD", "--") or b""
    commit = head.decode("ascii", "replace").strip()
    return f"{commit}+dirty:{hashlib.sha256(difference).hexdigest()[:16]}" if difference else commit


def commit_at(root: Path, ref: str) -> str:
    """The commit that a ref names: ``REF`` is tried first, then ``origin/REF``.

    Args:
        root: Folder of the project (inside a repository).
        ref: A ref.

    Raises:
        BaselineError: If it is no ref, is not there, or the clone is shallow.
    """
    if ref.startswith("-") or any(char.isspace() or char in ":\x00" for char in ref):
        raise BaselineError(f"{ref!r} is not a git ref", tip="write for example baseline@main")
    for name in (ref, f"origin/{ref}"):
        commit = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if commit is not None:
            return commit.decode("ascii", "replace").strip()
    if (_git(root, "rev-parse", "--is-shallow-repository") or b"").strip() == b"true":
        raise BaselineError(
            f"the clone is shallow, so {ref!r} cannot be read",
            tip="check out with fetch-depth: 0 (git fetch --unshallow)",
        )
    raise BaselineError(f"git knows no ref {ref!r} here", tip="git fetch origin, or name another ref")


def file_at(root: Path, ref: str, path: Path) -> bytes:
    """The bytes of a file at a git ref.

    Args:
        root: Folder of the project (inside a repository).
        ref: A ref; ``REF`` is tried first, then ``origin/REF``.
        path: The file; it may lie above ``root``.

    Raises:
        BaselineError: If the ref or the file is not there, or the clone is shallow.
    """
    commit = commit_at(root, ref)
    relative = os.path.relpath(path, root)
    data = _git(root, "show", f"{commit}:./{relative}")
    if data is None:
        raise BaselineError(
            f"{relative} does not exist at {ref}",
            tip="promote a baseline there first: evalh promote --why TEXT",
            code="baseline_missing",
        )
    return data


def files_at(root: Path, commit: str) -> frozenset[str]:
    """Paths of the plain files of a project at a commit, relative to ``root``; symbolic links and submodules are left out.

    Args:
        root: Folder of the project (inside a repository).
        commit: A commit, as ``commit_at`` gives it.

    Returns:
        Nothing when git says no.
    """
    listed = _git(root, "ls-tree", "-r", "-z", commit, "--", ".") or b""
    entries = (entry.partition(b"\t") for entry in listed.split(b"\0"))
    return frozenset(os.fsdecode(name) for mode, _, name in entries if mode.startswith(b"100"))


def base_ref(env: Mapping[str, str]) -> str | None:
    """The ref that a CI run is compared with: the pull request's base, a merge queue's base, a push's parent.

    Elsewhere EVALH_BASE_REF names one; None without.
    """
    if env.get("GITHUB_BASE_REF"):
        return env["GITHUB_BASE_REF"]
    if env.get("GITHUB_EVENT_NAME") == "merge_group" and env.get("GITHUB_EVENT_PATH"):
        return _event_sha(env["GITHUB_EVENT_PATH"])
    if env.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        return env["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"]
    if env.get("EVALH_BASE_REF"):
        return env["EVALH_BASE_REF"]
    return "HEAD~1" if env.get("GITHUB_EVENT_NAME") == "push" else None


def _event_sha(path: str) -> str | None:
    import json

    try:
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    sha = event.get("merge_group", {}).get("base_sha") if isinstance(event, dict) else None
    return sha if isinstance(sha, str) else None


def pull_request(env: Mapping[str, str]) -> str:
    """Id of the pull request that this run belongs to, or empty: it enters the order seed and the count of tries."""
    ref = env.get("GITHUB_REF", "").split("/")
    if len(ref) >= 3 and ref[1] == "pull":
        return f"{env.get('GITHUB_REPOSITORY', '')}#{ref[2]}"
    return env.get("CI_MERGE_REQUEST_IID", "") or env.get("EVALH_PULL_REQUEST", "")
