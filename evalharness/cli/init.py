"""``evalh init``: a config, a first eval set, a prompt, and perhaps a workflow. Never overwrites anything."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from evalharness.cli import console
from evalharness.core.cases import Case
from evalharness.core.errors import DiskFailed, UsageError

STARTERS: Final = Path(__file__).parent / "starters"
SCHEMA: Final = Path(__file__).parent.parent / "schemas" / "config.json"
WORKFLOWS: Final = {"github": (".github/workflows/evalh.yml", "github.yml"), "gitlab": (".gitlab-ci.yml", "gitlab.yml")}
"""Value of ``--ci`` -> file in the project, starter file."""
IGNORED: Final = (".evalh/", "reports/*", "!reports/baselines/")
SOURCES: Final = ("csv", "promptfoo", "inspect", "openai-evals")
MARGIN: Final = 0.05

CONFIG: Final = """\
#:schema ./.evalh/evalh.schema.json
version = 1
defaults = {{ max_cost = 1.00, seed = 7 }}        # US dollars that one command may cost

[evalsets]
{name} = {{ path = "evalsets/{name}.jsonl" }}

[candidates]
bot = {{ model = "gpt-5-mini", system = "prompts/{name}.md" }}
# A server of your own:  local = {{ model = "NAME", base_url = "http://127.0.0.1:8000/v1", system = "prompts/{name}.md" }}
# Code of your own:      app = {{ python = "package.module:function", inputs = ["package/**/*.py"] }}
# Answers from a file:   old = {{ recorded = "old.jsonl" }}

[scorers]
{scorers}

[gates.{name}]
candidate = "bot"
evalset = "{name}"
alpha_pass = 0.05                                # chance to pass a drop of the margin
alpha_block = 0.025                              # chance to block a candidate that is not worse

[gates.{name}.limits]
{limits}
latency = {{ role = "report" }}

[prices]                                         # US dollars per million tokens: put your provider's here
"gpt-5-mini" = {{ input = 0.25, output = 2.0 }}
"""
WITH_TARGET: Final = (
    'correct = { use = "exact_match" }',
    f"correct = {{ margin = {MARGIN} }}{'':22}# may lose at most 5 points",
)
WITHOUT_TARGET: Final = ('not_empty = { use = "word_count", min = 1 }', "not_empty = { every = true }")
PROMPT: Final = "Answer the question. Give the answer alone, without an explanation.\n"


def execute(args: argparse.Namespace) -> int:
    """Write what is missing and say what comes next.

    Raises:
        UsageError: If ``--from`` names what this version cannot read.
        EvalSetError: If the CSV file is wrong.
    """
    root = Path(args.directory_to_make or ".")
    name, cases = first_set(args.source, root)
    written: list[str] = []
    kept: list[str] = []
    for path, content in files(name, cases, ci=args.ci):
        (written if write_new(root / path, content) else kept).append(path)
    if _ignore(root / ".gitignore"):
        written.append(".gitignore")
    if args.json:
        console.answer_json({"directory": str(root), "written": written, "kept": kept, "cases": len(cases)})
        return 0
    console.answer("\n".join(report(root, name, cases, written=written, kept=kept)))
    return 0


def first_set(source: Sequence[str] | None, root: Path) -> tuple[str, Sequence[Case]]:
    """Name and cases of the first eval set.

    Args:
        source: (kind, file) of ``--from``; None for the sample.
        root: Folder of the project: the sample's set is named after it.

    Raises:
        UsageError: If the kind is not known or not in this version.
        EvalSetError: If the file is wrong.
    """
    from evalharness.cli import first_set as sets

    if source is None:
        return set_name(root.resolve().name), sets.SAMPLE
    kind, file = source
    if kind == "csv":
        return set_name(Path(file).stem), sets.cases_from_csv(Path(file))
    if kind in SOURCES:
        tip = f"evalh evalset import reads tables; {kind} comes with a later version"
        raise UsageError(f"{kind} cannot be read yet", where="--from", tip=tip)
    from evalharness.core.nearest import name_tip

    raise UsageError(f"unknown kind {kind!r}", where="--from", tip=name_tip(kind, SOURCES, title="kinds"))


def set_name(text: str) -> str:
    """A name that a config accepts, made of any text: ``My cases (1)`` -> ``my-cases-1``."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "first"


def files(name: str, cases: Sequence[Case], *, ci: str | None) -> Iterator[tuple[str, str]]:
    """Path and content of every file of a new project."""
    from evalharness.evalset.jsonl import case_line

    has_targets = all(case.target is not None for case in cases)
    scorers, limits = WITH_TARGET if has_targets else WITHOUT_TARGET
    yield "evalh.toml", CONFIG.format(name=name, scorers=scorers, limits=limits)
    yield f"evalsets/{name}.jsonl", "".join(f"{case_line(case)}\n" for case in cases)
    yield f"prompts/{name}.md", PROMPT
    yield ".evalh/.gitignore", "*\n"
    yield ".evalh/evalh.schema.json", SCHEMA.read_text(encoding="utf-8")
    if ci:
        path, starter = WORKFLOWS[ci]
        yield path, (STARTERS / starter).read_text(encoding="utf-8")


def write_new(path: Path, content: str) -> bool:
    """Write a file that is not there yet; False when it is.

    Raises:
        DiskFailed: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError:
        return False
    except OSError as error:
        raise DiskFailed(f"cannot be written: {error.strerror}", where=str(path)) from None
    return True


def _ignore(path: Path) -> bool:
    """Let git ignore what is made again: lines that are missing are added at the end; False when none is."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in IGNORED if line not in text.splitlines()]
    if missing:
        gap = "\n" if text and not text.endswith("\n") else ""
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(gap + "".join(f"{line}\n" for line in missing))
    return bool(missing)


def report(
    root: Path, name: str, cases: Sequence[Case], *, written: Sequence[str], kept: Sequence[str]
) -> Iterator[str]:
    """What was done, what this set can show, and the next commands."""
    yield from (f"wrote {path}" for path in written)
    yield from (f"kept  {path} (it was there)" for path in kept)
    yield ""
    if "evalh.toml" in kept:
        yield f'The config was there already; to use the set: [evalsets] {name} = {{ path = "evalsets/{name}.jsonl" }}'
        return
    yield from (reach(len(cases)) if all(case.target is not None for case in cases) else no_target(len(cases)))
    yield ""
    where = "" if root == Path() else f" -C {root}"
    yield f"Next  edit evalh.toml and prompts/{name}.md, then"
    yield f"      evalh{where} lint --fix"
    yield f'      evalh{where} promote --why "first baseline"'
    yield f"      evalh{where} gate"


def reach(n: int) -> Iterator[str]:
    """What a gate over n cases can tell, with both error rates."""
    from evalharness.stats.design import chance_to_decide, min_cases, smallest_margin

    # One answer in ten differs between two runs that are equally good: sd of the differences is its root.
    chance = chance_to_decide(n, 0.1**0.5, MARGIN, MARGIN)
    yield f"{_cases(n)}, margin {MARGIN:g}: a drop of the margin passes at most 1 time in 20,"
    yield "an unchanged candidate is blocked at most 1 time in 40, and is shown to be no worse"
    if n < min_cases(MARGIN):
        least = min_cases(MARGIN)
        yield f"never: that needs at least {least} cases. {_cases(n)} can show a margin of {smallest_margin(n):.2f} at best."
    else:
        yield f"about {chance:.0%} of the time when one answer in ten differs (evalh plan)."


def no_target(n: int) -> Iterator[str]:
    """What a set without references is good for."""
    yield f"{_cases(n)} without a target: the gate only checks that no answer is empty."
    yield "Add a target to the cases, or scorers that need none (evalh help config)."


def _cases(n: int) -> str:
    return f"{n} case" if n == 1 else f"{n} cases"
