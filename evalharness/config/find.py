"""Finds the config file of a folder: ``evalh.toml`` upwards to the git root, else ``[tool.evalh]`` in pyproject.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalharness.config.locate import KeyPath, key_lines
from evalharness.core.errors import ConfigError
from evalharness.core.files import shown

FILE_NAME: Final = "evalh.toml"
PYPROJECT: Final = "pyproject.toml"
LARGEST: Final = 8 * 2**20
"""Bytes; a larger file is no config."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A config file, and how it was found."""

    path: Path
    why: str
    """``--config``, ``EVALH_CONFIG`` or ``found``: for ``evalh doctor``."""

    @property
    def prefix(self) -> KeyPath:
        """Where the config lies inside the file."""
        return ("tool", "evalh") if self.path.name == PYPROJECT else ()


def find_config(directory: Path, *, config: str | None = None) -> Found | None:
    """The config file of a folder.

    Args:
        directory: Folder to start from.
        config: Value of ``--config``, relative to ``directory``; else EVALH_CONFIG counts.

    Returns:
        The file, or None when there is none.

    Raises:
        ConfigError: If a named file does not exist, or both evalh.toml and [tool.evalh] are there.
    """
    named = config or os.environ.get("EVALH_CONFIG")
    if named:
        why = "--config" if config else "EVALH_CONFIG"
        path = directory / named
        if not path.is_file():
            raise ConfigError(f"no such file: {named}", where=why, tip="evalh init writes an evalh.toml")
        return Found(path=path, why=why)
    folders = list(_upwards(directory))
    own = next((folder / FILE_NAME for folder in folders if (folder / FILE_NAME).is_file()), None)
    shared = next((folder / PYPROJECT for folder in folders if _has_our_table(folder / PYPROJECT)), None)
    if own and shared:
        raise ConfigError(
            f"two configs: {shown(own)} and [tool.evalh] in {shown(shared)}",
            tip="keep one of them, or name one with --config FILE",
        )
    path_found = own or shared
    return Found(path=path_found, why="found") if path_found else None


def _upwards(directory: Path) -> Iterator[Path]:
    """The folder and its parents, up to and with the git root."""
    start = directory.resolve()
    for folder in (start, *start.parents):
        yield folder
        if (folder / ".git").exists():
            return


def _has_our_table(path: Path) -> bool:
    if not path.is_file():
        return False
    text = read_text(path)
    if "evalh" not in text:  # somebody else's pyproject is not ours to judge
        return False
    tool = parse(text, name=shown(path)).get("tool")
    return isinstance(tool, dict) and "evalh" in tool


def read_text(path: Path) -> str:
    """The text of a config file.

    Raises:
        ConfigError: If it cannot be read, is too large or not UTF-8.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"larger than {LARGEST // 2**20} MiB", where=shown(path))
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=shown(path)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"not UTF-8 at byte {error.start}", where=shown(path)) from None


def parse(text: str, *, name: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        ConfigError: If it is not TOML, with the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line = _split_position(str(error), text)
        raise ConfigError(f"not TOML: {message}", where=f"{name}:{line}") from None
    except RecursionError:
        raise ConfigError("nested too deeply", where=name) from None


def positions(text: str, *, name: str) -> dict[KeyPath, int]:
    """Where each key stands, for a text that ``parse`` accepted.

    Raises:
        ConfigError: If it is nested too deeply to walk over.
    """
    try:
        return key_lines(text)
    except RecursionError:
        raise ConfigError("nested too deeply", where=name) from None


def _split_position(message: str, text: str) -> tuple[str, int]:
    """``Invalid value (at line 3, column 5)`` as message and line."""
    head, found, tail = message.rpartition(" (at ")
    if not found:
        return message, 1
    words = tail.rstrip(")").replace(",", "").split()
    line = int(words[1]) if words[0] == "line" else text.count("\n") + 1
    return head[:1].lower() + head[1:], line
