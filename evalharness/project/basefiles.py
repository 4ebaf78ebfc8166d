"""Files of another commit, written into a folder of their own: only plain files, only those that are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from evalharness.project.gitfacts import file_at


def named_files(tables: Any, known: Set[str]) -> set[str]:
    """The files that a config names.

    Args:
        tables: The parsed config.
        known: Paths of the commit's plain files, relative to the config's folder; any text that is one of them is a name.
    """
    return {os.path.normpath(word) for word in _texts(tables)} & known


def write_files(root: Path, commit: str, names: Iterable[str], folder: Path) -> None:
    """Write files of a commit under a folder.

    Args:
        root: Folder of the project.
        commit: The commit.
        names: Paths relative to ``root`` that do not lead out of it.
        folder: Where they go; it exists.
    """
    for name in sorted(names):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file_at(root, commit, root / name))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a config: those that are paths of the commit are the files it needs."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
