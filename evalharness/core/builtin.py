"""Where the shipped eval sets and rubrics lie: inside the wheel, or at the root of an editable checkout."""

from __future__ import annotations

from pathlib import Path


def builtin(name: str) -> Path:
    """The path of a shipped file or folder.

    Args:
        name: ``evalsets/...`` or ``rubrics/...``.

    Raises:
        FileNotFoundError: If this installation does not have it.
    """
    package = Path(__file__).resolve().parent.parent
    for root in (package / "_builtin", package.parent):
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(name)
