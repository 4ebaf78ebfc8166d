"""``evalh completion SHELL``: prints the script that was made when the package was built."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from evalharness.cli import console

FOLDER: Final = Path(__file__).parent / "completions"


def execute(args: argparse.Namespace) -> int:
    """Print the completion script of a shell."""
    console.answer((FOLDER / f"evalh.{args.shell}").read_text(encoding="utf-8").rstrip("\n"))
    return 0
