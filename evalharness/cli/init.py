"""``evalh init``: a config, a first eval set, a prompt, and perhaps a workflow. Never overwrites anything."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalharness.cli import console
from evalharness.cli.new_files import common_files, ignore, make_folder, set_name, write_new
from evalharness.core.cases import Case
from evalharness.core.errors import UsageError

if TYPE_CHECKING:
    from evalharness.evalset.importers import Import

MARGIN: Final = 0.05
MOST_PLANNED: Final = 400
"""Cases for which ``init`` works the exact plan out; larger ones take seconds, and ``evalh plan`` does them."""
MOST_SLICES, LEAST_SLICE = 8, 10
"""Values of a field that are slices, and cases that each of them needs."""

CONFIG: Final = """\
#:schema ./.evalh/evalh.schema.json
version = 1
defaults = {{ max_cost = 1.00, seed = 7 }}        # US dollars that one command may cost

[evalsets]
{name} = {{ path = "evalsets/{name}.jsonl"{slices} }}

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


SAMPLE: Final = (
    Case(id="capital-france", input="What is the capital of France? Answer with one word.", target="Paris"),
    Case(id="opposite-hot", input="What is the opposite of hot? Answer with one word.", target="cold"),
    Case(id="sum-17-25", input="What is 17 + 25? Answer with the number alone.", target="42"),
)


def execute(args: argparse.Namespace) -> int:
    """Write what is missing and say what comes next.

    Raises:
        UsageError: If ``--from`` names no kind of file.
        EvalSetError: If the file is wrong.
    """
    root = Path(args.directory_to_make or ".")
    if args.source and args.source[0] != "csv":
        from evalharness.cli.moved import start

        return start(args, root)
    imported = read_csv(args.source[1], args.map) if args.source else None
    name = set_name(Path(args.source[1]).stem if args.source else root.resolve().name)
    cases = imported.cases if imported else SAMPLE
    written: list[str] = []
    kept: list[str] = []
    if imported:
        (written if _write_set(root, name, imported) else kept).append(f"evalsets/{name}.jsonl")
    for path, content in files(name, cases, ci=args.ci, with_set=imported is None):
        (written if write_new(root / path, content) else kept).append(path)
    if ignore(root / ".gitignore"):
        written.append(".gitignore")
    if args.json:
        console.answer_json({"directory": str(root), "written": written, "kept": kept, "cases": len(cases)})
        return 0
    lines = imported.lines() if imported else []
    console.answer("\n".join([*lines, *report(root, name, cases, written=written, kept=kept)]))
    return 0


def read_csv(file: str, columns: Sequence[str]) -> Import:
    """The cases of ``--from csv FILE``.

    Args:
        file: The file.
        columns: ``FIELD=COLUMN`` words of ``--map``.

    Raises:
        UsageError: If it is no CSV file.
        EvalSetError: If the file is wrong.
    """
    from evalharness.evalset.importers import import_cases
    from evalharness.evalset.mapping import parse_map

    if Path(file).suffix != ".csv":
        raise UsageError(f"{file!r} does not end in .csv", where="--from", tip="evalh evalset import reads more")
    return import_cases(file, mapping=parse_map(columns))


def _write_set(root: Path, name: str, imported: Import) -> bool:
    """Write an imported set with its provenance in evalh.lock; False when the file is there already."""
    from evalharness.evalset.importers import write_import

    path = root / "evalsets" / f"{name}.jsonl"
    if path.exists():
        return False
    make_folder(path.parent)
    write_import(path, imported, name=name, root=root)
    return True


def files(name: str, cases: Sequence[Case], *, ci: str | None, with_set: bool) -> Iterator[tuple[str, str]]:
    """Path and content of every file of a new project."""
    from evalharness.evalset.jsonl import case_line

    has_targets = all(case.target is not None for case in cases)
    scorers, limits = WITH_TARGET if has_targets else WITHOUT_TARGET
    found = slices_of(cases)
    slices = f", slices = {json.dumps(found)}" if found else ""
    yield "evalh.toml", CONFIG.format(name=name, scorers=scorers, limits=limits, slices=slices)
    if with_set:
        yield f"evalsets/{name}.jsonl", "".join(f"{case_line(case)}\n" for case in cases)
    yield f"prompts/{name}.md", PROMPT
    yield from common_files(ci)


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
    yield "Next  in evalh.toml: your model, server or code, under [candidates]"
    yield f"      in prompts/{name}.md: what a model is told"
    if not os.environ.get("OPENAI_API_KEY"):
        yield "      export OPENAI_API_KEY=...   (not set now; a server of your own needs none)"
    yield f"      evalh{where} lint --fix"
    yield f'      evalh{where} promote --why "first baseline"'
    yield f"      evalh{where} gate"


def reach(n: int) -> Iterator[str]:
    """What a gate over n cases can tell, with both error rates."""
    from evalharness.stats.design import min_cases, smallest_margin

    yield f"{_cases(n)}, margin {MARGIN:g}: a drop of the margin passes at most 1 time in 20;"
    yield "an unchanged candidate is blocked at most 1 time in 40, and passes"
    if n < min_cases(MARGIN):
        least = min_cases(MARGIN)
        yield f"never: that needs at least {least} cases. {_cases(n)} can show a margin of {smallest_margin(n):.2f} at best."
    else:
        yield f"{_chance(n)} of the time when one answer in ten differs (evalh plan)."


def _chance(n: int) -> str:
    """P(PASS) of an unchanged candidate by the exact plan; a larger set has at least that of the largest plan made here."""
    from evalharness.stats.exact import exact_plan

    chance = exact_plan(min(n, MOST_PLANNED), MARGIN).outcome(0.1, 0.0).p_pass
    return f"about {chance:.0%}" if n <= MOST_PLANNED else f"more than {chance:.0%}"


def slices_of(cases: Sequence[Case]) -> tuple[str, ...]:
    """Metadata fields worth a line each in the report: a few short values, each on enough cases to say something."""
    fields: dict[str, list[str]] = {}
    for case in cases:
        for field, value in case.metadata.items():
            if isinstance(value, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", field):
                fields.setdefault(field, []).append(value)
    return tuple(field for field, values in fields.items() if len(values) == len(cases) and _few(values))


def _few(values: Sequence[str]) -> bool:
    counts = Counter(values)
    return 2 <= len(counts) <= MOST_SLICES and min(counts.values()) >= LEAST_SLICE


def no_target(n: int) -> Iterator[str]:
    """What a set without references is good for."""
    yield f"Some of the {_cases(n)} have no target, so the gate only checks that no answer is empty."
    yield "Add targets, or scorers that need none (evalh help config)."


def _cases(n: int) -> str:
    return f"{n} case" if n == 1 else f"{n} cases"
