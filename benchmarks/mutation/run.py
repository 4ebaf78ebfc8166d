"""Mutation run of the rooms whose tests must leave no gap: ``evalharness/stats`` and ``evalharness/verdict``.

    python benchmarks/mutation/run.py [--room stats] [--work DIR] [--sample N --seed S [--leave-out MODULE ...]]
                                      [--workers 1] [--proofs] [NAME ...]

Copies the package and the room's tests into a folder of its own, takes decorators apart there (see ``undecorate``; mutmut
skips decorated functions otherwise), runs mutmut on the copy, and prints score and survivors. ``NAME`` are mutmut's names or
globs, to run a part again; samples of one seed are nested. The checkout is not touched.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("evalharness", "evalsets", "rubrics", "pyproject.toml", "README.md", "LICENSE")
TESTS = {"stats": ("stats", "proofs"), "verdict": ("verdict",)}
# These start a fresh interpreter to see what an import loads; mutmut's own imports are in it.
NOT_HERE = {"stats": ("tests/stats/test_exact.py::test_a_shipped_plan_needs_neither_numpy_nor_json",), "verdict": ()}
CONFIG = """
[tool.mutmut]
source_paths = ["evalharness"]
only_mutate = ["evalharness/{room}/*"]
do_not_mutate = [{left_out}]
also_copy = ["evalsets", "rubrics", "README.md", "LICENSE"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:randomly", "-x", "-q"{deselected}]
pytest_add_cli_args_test_selection = [{tests}]
# A fresh process for each mutant: results that are remembered (plans, survival) must not outlive the code they came from.
process_isolation = "forkserver"
forkserver_warmup = "collect"
use_git_change_detection = false
timeout_multiplier = 4.0
timeout_constant = 20.0
"""
BATCH = 60
CACHES = frozenset(("property", "lru_cache", "cache"))


def main() -> int:
    """Copy, mutate, run, report."""
    options = arguments()
    work: Path = options.work
    if not (work / "pyproject.toml").exists():
        copy(options)
    environment = {
        **os.environ,
        "CI": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    mutmut = [sys.executable, "-m", "mutmut"]
    names = list(options.names)
    if options.sample:
        subprocess.run(
            [*mutmut, "run", "--max-children", "1", "no-such-mutant"],
            cwd=work,
            env=environment,
            capture_output=True,
            check=False,
        )
        known = sorted(name for name, _ in results(work, environment))
        random.Random(options.seed).shuffle(known)
        names = known[: options.sample]
        print(f"{len(names)} of {len(known)} mutants, seed {options.seed}")
    # In the order drawn, a batch at a time: a run that is stopped early has still run the first so many of the sample.
    batches = [names[at : at + BATCH] for at in range(0, len(names), BATCH)] if options.sample else [names]
    for batch in batches:
        with (work / "mutmut.log").open("a", encoding="utf-8") as log:
            run = [*mutmut, "run", "--max-children", str(options.workers), *batch]
            subprocess.run(run, cwd=work, env=environment, stdout=log, check=False)
        chosen = set(names) if options.sample else None
        report([(name, state) for name, state in results(work, environment) if chosen is None or name in chosen])
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--room", choices=sorted(TESTS), default="stats")
    parser.add_argument("--work", type=Path, default=Path("mutation-work"))
    parser.add_argument("--proofs", action="store_true", help="let the quick proofs kill mutants as well")
    parser.add_argument("--sample", type=int, default=0, help="run so many mutants, drawn with --seed")
    parser.add_argument("--leave-out", nargs="*", default=[], help="modules that are not mutated")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def copy(options: argparse.Namespace) -> None:
    """Make the copy that is mutated."""
    work, room = options.work, options.room
    work.mkdir(parents=True, exist_ok=True)
    ignore = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        source, target = ROOT / part, work / part
        shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True) if source.is_dir() else shutil.copy(
            source, target
        )
    (work / "tests").mkdir(exist_ok=True)
    for name in ("__init__.py", "conftest.py"):
        shutil.copy(ROOT / "tests" / name, work / "tests" / name)
    folders = TESTS[room] if options.proofs else TESTS[room][:1]
    for folder in ("guard", *folders):  # conftest.py needs the guard
        shutil.copytree(ROOT / "tests" / folder, work / "tests" / folder, ignore=ignore, dirs_exist_ok=True)
    for path in sorted((work / "evalharness" / options.room).glob("*.py")):
        path.write_text(undecorate(path.read_text(encoding="utf-8")), encoding="utf-8")
    deselected = "".join(f', "--deselect", "{name}"' for name in NOT_HERE[room])
    tests = ", ".join(f'"tests/{folder}"' for folder in folders)
    with (work / "pyproject.toml").open("a", encoding="utf-8") as config:
        left_out = ", ".join(f'"evalharness/{room}/{name}.py"' for name in options.leave_out)
        config.write(CONFIG.format(room=room, deselected=deselected, tests=tests, left_out=left_out))


def undecorate(source: str) -> str:
    """Turn ``@property def f`` and ``@lru_cache(..) def f`` into a plain ``def`` and ``f = property(_f_plain)`` after it."""
    lines = source.splitlines()
    for node in sorted(ast.walk(ast.parse(source)), key=lambda node: -getattr(node, "lineno", 0)):
        if not isinstance(node, ast.FunctionDef) or len(node.decorator_list) != 1:
            continue
        decorator = node.decorator_list[0]
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not (isinstance(called, ast.Name) and called.id in CACHES):
            continue
        indent, end = " " * node.col_offset, node.end_lineno or node.lineno
        lines.insert(end, f"{indent}{node.name} = {ast.unparse(decorator)}(_{node.name}_plain)\n")
        lines[node.lineno - 1] = lines[node.lineno - 1].replace(f"def {node.name}(", f"def _{node.name}_plain(", 1)
        del lines[decorator.lineno - 1 : node.lineno - 1]
    return "\n".join(lines) + "\n"


def results(work: Path, environment: dict[str, str]) -> list[tuple[str, str]]:
    """Every mutant with its state."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", "results", "--all", "true"],
        cwd=work, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    rows = [line.strip().rsplit(": ", 1) for line in done.stdout.splitlines() if ": " in line]
    return [(name, state) for name, state in rows]


def report(rows: list[tuple[str, str]]) -> None:
    """Print score and survivors."""
    run = [(name, state) for name, state in rows if state != "not checked"]
    counts = Counter(state for _, state in run)
    killed = counts["killed"] + counts["timeout"] + counts["segfault"] + counts["caught by type check"]
    print(
        f"\nmutants run: {len(run)} of {len(rows)}; " + ", ".join(f"{state} {n}" for state, n in counts.most_common()),
        flush=True,
    )
    if run:
        print(f"score: {100 * killed / len(run):.1f} %")
    for name, state in run:
        if state not in {"killed", "timeout", "segfault", "caught by type check"}:
            print(f"{state}: {name}")


if __name__ == "__main__":
    sys.exit(main())
