"""Coverage-guided fuzzing with atheris (libFuzzer), one target in a process; .ci/run calls it for a fixed number of runs.

python -m tests.fuzz.run jsonl_reader --runs 20000 [--seed 1] [--corpus FOLDER]
python -m tests.fuzz.run --all --runs 20000
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.loop import TOKENS, tree_changed

MODULES = ("evalharness",)
"""Whose branches count as found."""


def main() -> int:
    """Fuzz one target, or each in a process of its own; the exit status is 1 if any crashed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", nargs="?")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path)
    args = parser.parse_args()
    if not args.all:
        _fuzz(args.target, args.runs, args.seed, args.corpus)
        return 0
    from tests.fuzz.targets import TARGETS

    failed = [name for name in TARGETS if not _in_a_process(name, args.runs, args.seed, args.corpus)]
    return 1 if failed else 0


def _in_a_process(name: str, runs: int, seed: int, corpus: Path | None) -> bool:
    words = [name, "--runs", str(runs), "--seed", str(seed), *(["--corpus", str(corpus / name)] if corpus else [])]
    done = subprocess.run([sys.executable, "-m", "tests.fuzz.run", *words], capture_output=True, text=True, check=False)
    last = [line.split("exec/s")[0] for line in done.stderr.splitlines() if "DONE" in line][-1:]
    print(f"{name}: {'ok' if done.returncode == 0 else 'CRASHED'}  {' '.join(last)}", flush=True)
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-8000:], flush=True)
    return done.returncode == 0


def _fuzz(name: str, runs: int, seed: int, corpus: Path | None) -> None:
    import atheris

    with atheris.instrument_imports(include=list(MODULES)):
        from evalharness.candidates import answers as service_answers  # noqa: F401
        from evalharness.clients import completion  # noqa: F401
        from evalharness.config import load  # noqa: F401
        from evalharness.evalset import answers, importers, jsonl, lock  # noqa: F401
        from evalharness.judging import record, reply, rubric_file  # noqa: F401
        from evalharness.moving import inspect_log, promptfoo, yamlfile  # noqa: F401
        from evalharness.project import moving_in  # noqa: F401
        from evalharness.scorers import structure, text  # noqa: F401
        from evalharness.verdict import baseline  # noqa: F401
        from tests.fuzz import targets
    place = corpus or Path(tempfile.mkdtemp(prefix="evalh-corpus-"))
    place.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(targets.SEEDS[name]):
        (place / f"seed-{number}").write_bytes(data)
    known = place.parent / f"{place.name}.dict"
    words = ("".join(f"\\x{byte:02x}" for byte in token) for token in TOKENS if len(token) < 60)
    known.write_text("".join(f'"{word}"\n' for word in words))
    flags = [
        f"-runs={runs}",
        f"-seed={seed}",
        "-max_len=4096",
        "-timeout=10",
        f"-artifact_prefix={place.parent}/",
        "-use_value_profile=1",
        f"-dict={known}",
    ]

    def mutate(data: bytes, most: int, number: int) -> bytes:
        draw = random.Random(number)
        made = tree_changed(draw, data) if draw.random() < 0.4 else atheris.Mutate(data, most)
        return bytes(made[:most])

    atheris.Setup([sys.argv[0], *flags, str(place)], lambda data: targets.once(name, data), custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
