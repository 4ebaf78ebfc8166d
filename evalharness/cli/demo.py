"""``evalh demo``: three real changes judged on embedded data. No key, no network."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalharness.cli import console
from evalharness.core.errors import UsageError

if TYPE_CHECKING:
    from evalharness.core.verdicts import Comparison

FOLDER: Final = "evalh-demo"
_FILES: Final = (
    "demo-qa.jsonl",
    "demo-docs.jsonl",
    "demo-docs.corpus.jsonl",
    "recorded/demo-few-shot.jsonl",
    "recorded/demo-zero-shot.jsonl",
)
_BEHAVIOUR: Final = tuple(
    f"behaviour/{name}"
    for name in (
        *("evalh.toml", "evalh.lock", "recorded/careful.jsonl", "recorded/hasty.jsonl"),
        *("minimum.jsonl", "invariance.jsonl", "direction.jsonl", "injection.jsonl", "leak.jsonl", "format.jsonl"),
        *("language.jsonl", "length.jsonl", "grounding.jsonl"),
    )
)
"""A project beside the demo's: a worked example of each family of behaviour tests."""
_STORIES: Final = {
    "prompt": "1. A prompt change: no more examples (recorded answers of a real small model)",
    "search": "2. A retriever change: BM25 with other constants (run here, over 180 articles)",
    "titles": "3. A retriever change: titles count double",
}


def execute(args: argparse.Namespace) -> int:
    """Write a project to ``./evalh-demo`` and run its gates.

    Returns:
        0: the demo did its job; it says what each gate would have exited with.

    Raises:
        UsageError: If the folder holds another project already.
    """
    from evalharness.cli.options import options_from
    from evalharness.project.gating import gate_all
    from evalharness.project.workspace import open_workspace

    folder = Path.cwd() / FOLDER
    _write_project(folder)
    options = options_from(args)
    with open_workspace(folder, options=options) as workspace:
        verdict, comparisons = gate_all(workspace, list(_STORIES))
        if args.json:
            console.answer_json({**verdict.to_json(), "exit_code": 0})
            return 0
        _show(args, comparisons)
    return 0


def _show(args: argparse.Namespace, comparisons: Sequence[Comparison]) -> None:
    from dataclasses import replace

    from evalharness.cli.verdicts import screen_of
    from evalharness.project.gating import together
    from evalharness.report.terminal import verdict_text

    screen = replace(screen_of(args), verbose=True)
    for comparison, story in zip(comparisons, _STORIES.values(), strict=True):
        gate = comparison.gate
        console.answer(f"{story}\n")
        console.answer(verdict_text(together([gate]), [comparison], screen), styled=True)
        console.answer(f"\n   `evalh gate {gate.gate}` exits with {gate.exit_code} ({gate.outcome}).\n")
    console.answer(
        f"The project is in ./{FOLDER}. Go on with:\n"
        f"  {f'cd {FOLDER} && evalh gate':28} the same gates, as CI would run them\n"
        f"  {'evalh plan':28} what they can see, before anything is spent\n"
        f"  {'evalh show latest':28} the last run, case by case\n"
        f"  {'cd behaviour && evalh gate':28} an example of each kind of behaviour test"
    )


def _write_project(folder: Path) -> None:
    """Copy the embedded project; what is there already is never overwritten."""
    from evalharness.core.builtin import builtin

    if folder.exists() and not (folder / "evalh.toml").is_file() and any(folder.iterdir()):
        raise UsageError(f"./{FOLDER} holds something else", tip="move it away, or run the demo in another folder")
    pairs = [(builtin("evalsets/demo.evalh.toml"), folder / "evalh.toml")]
    pairs += [(builtin(f"evalsets/{name}"), folder / "evalsets" / name) for name in _FILES]
    pairs += [(builtin(f"evalsets/{name}"), folder / name) for name in _BEHAVIOUR]
    for source, target in pairs:
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    ignore = folder / "reports" / ".gitignore"
    if not ignore.exists():
        ignore.parent.mkdir(exist_ok=True)
        ignore.write_text("*\n!.gitignore\n!baselines/\n!baselines/**\n", encoding="utf-8")
