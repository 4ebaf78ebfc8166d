"""Files that a new project begins with, whatever it starts from. Nothing is ever overwritten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evalharness.core.errors import DiskFailed

STARTERS: Final = Path(__file__).parent / "starters"
SCHEMA: Final = Path(__file__).parent.parent / "schemas" / "config.json"
WORKFLOWS: Final = {
    "github": {
        ".github/workflows/evalh.yml": "github.yml",
        ".github/workflows/evalh-baseline.yml": "github-baseline.yml",
    },
    "gitlab": {".gitlab-ci.yml": "gitlab.yml"},
}
"""Value of ``--ci`` -> file in the project -> starter file."""
UNWRITABLE: Final = "evalh init DIR takes a folder that you may write to"
IGNORED: Final = (".evalh/", "reports/*", "!reports/baselines/")


def common_files(ci: str | None) -> Iterator[tuple[str, str]]:
    """Path and content of what every new project has.

    Args:
        ci: Key of ``WORKFLOWS``, or None for no workflow.
    """
    yield ".evalh/.gitignore", "*\n"
    yield ".evalh/evalh.schema.json", SCHEMA.read_text(encoding="utf-8")
    for path, starter in WORKFLOWS[ci].items() if ci else ():
        yield path, (STARTERS / starter).read_text(encoding="utf-8")


def write_new(path: Path, content: str) -> bool:
    """Write a file that is not there yet; False when it is.

    Raises:
        DiskFailed: If it cannot be written.
    """
    make_folder(path.parent)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError:
        return False
    except OSError as error:
        raise DiskFailed(f"cannot be written: {error.strerror}", where=str(path), tip=UNWRITABLE) from None
    return True


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        DiskFailed: If that cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskFailed(f"cannot be written: {error.strerror}", where=str(folder), tip=UNWRITABLE) from None


def ignore(path: Path) -> bool:
    """Let git ignore what is made again: lines that are missing are added at the end; False when none is."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in IGNORED if line not in text.splitlines()]
    if missing:
        gap = "\n" if text and not text.endswith("\n") else ""
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(gap + "".join(f"{line}\n" for line in missing))
    return bool(missing)


def set_name(text: str) -> str:
    """A name that a config accepts, made of any text: ``My cases (1)`` -> ``my-cases-1``."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "first"
