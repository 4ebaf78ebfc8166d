"""Coverage-guided fuzzing with atheris (libFuzzer), one target in a process; .ci/run calls it for a fixed number of runs.

python -m tests.fuzz.run jsonl_reader --runs 20000 [--seed 1] [--corpus FOLDER]
python -m tests.fuzz.run --all --runs 20000
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import MODULES, SEEDS, TARGETS


def main() -> int:
    """Fuzz one target, or each in a process of its own; the exit status is 1 if any crashed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", nargs="?", choices=sorted(TARGETS))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path)
    args = parser.parse_args()
    if not args.all:
        _fuzz(args.target, args.runs, args.seed, args.corpus)
        return 0
    failed = []
    for name in TARGETS:
        words = [name, "--runs", str(args.runs), "--seed", str(args.seed)]
        if args.corpus:
            words += ["--corpus", str(args.corpus / name)]
        done = subprocess.run(
            [sys.executable, "-m", __spec__.name, *words], capture_output=True, text=True, check=False
        )
        last = [line for line in done.stderr.splitlines() if line.startswith(("#", "Done"))][-1:]
        print(f"{name}: {'ok' if done.returncode == 0 else 'CRASHED'}  {' '.join(last)}", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout[-4000:], done.stderr[-8000:], flush=True)
    return 1 if failed else 0


def _fuzz(name: str, runs: int, seed: int, corpus: Path | None) -> None:
    import atheris

    with atheris.instrument_imports(include=list(MODULES)):
        from evalharness.clients import completion  # noqa: F401
        from evalharness.config import load  # noqa: F401
        from evalharness.evalset import answers, importers, jsonl, lock  # noqa: F401
        from evalharness.judging import reply, rubric_file  # noqa: F401
        from evalharness.project import moving_in  # noqa: F401
        from evalharness.verdict import baseline  # noqa: F401
        from tests.fuzz import targets
    place = corpus or Path(tempfile.mkdtemp(prefix="evalh-corpus-"))
    place.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(SEEDS[name]):
        (place / f"seed-{number}").write_bytes(data)
    words = [
        sys.argv[0],
        f"-runs={runs}",
        f"-seed={seed}",
        "-max_len=4096",
        "-timeout=10",
        "-print_final_stats=1",
        str(place),
    ]
    atheris.Setup(words, lambda data: targets.once(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
