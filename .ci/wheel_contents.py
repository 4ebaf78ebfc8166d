"""What must be in the files that are published: ``wheel_contents.py SDIST WHEEL``. Exit status 1 names what is missing or too much."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import PurePosixPath

WHEEL = (
    "evalharness/py.typed",
    "evalharness/schemas/*.json",
    "evalharness/cli/completions/evalh.*",
    "evalharness/cli/starters/*.yml",
    "evalharness/stats/exact_plans.txt",
    "evalharness/_builtin/evalsets/*.jsonl",
    "evalharness/_builtin/evalsets/*.toml",
    "evalharness/_builtin/evalsets/recorded/*.jsonl",
    "evalharness/_builtin/evalsets/behaviour/*.jsonl",
    "evalharness/_builtin/evalsets/behaviour/evalh.toml",
    "evalharness/_builtin/evalsets/behaviour/recorded/*.jsonl",
    "evalharness/_builtin/rubrics/*.toml",
    "evalharness/_builtin/rubrics/anchors/*.jsonl",
    "evalharness-*.dist-info/entry_points.txt",
    "evalharness-*.dist-info/licenses/LICENSE",
)
SDIST = (
    ".ci/run",
    ".github/workflows/*.yml",
    "benchmarks/demo/README.md",
    "benchmarks/demo/record.py",
    "docs/cli.md",
    "evalharness/py.typed",
    "evalsets/*.jsonl",
    "pyproject.toml",
    "requirements.lock",
    "rubrics/*.toml",
    "rubrics/anchors/*.jsonl",
    "tests/e2e/serve.py",
    "tests/test_architecture.py",
)
UNWANTED = ("__pycache__", ".evalh", ".coverage", ".hypothesis", ".venv-ci", ".venv")


def problems(names: list[str], wanted: tuple[str, ...]) -> list[str]:
    paths = [PurePosixPath(name) for name in names]
    missing = [f"missing: {glob}" for glob in wanted if not any(_fits(path, glob) for path in paths)]
    unwanted = [f"unwanted: {path}" for path in paths if set(UNWANTED) & set(path.parts)]
    return missing + unwanted


def _fits(path: PurePosixPath, glob: str) -> bool:
    return len(path.parts) == glob.count("/") + 1 and path.match(glob)


def main(sdist: str, wheel: str) -> int:
    with tarfile.open(sdist) as archive:
        in_sdist = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = archive.namelist()
    strangers = [f"unwanted: {name}" for name in in_wheel if not name.startswith(("evalharness/", "evalharness-"))]
    found = {sdist: problems(in_sdist, SDIST), wheel: problems(in_wheel, WHEEL) + strangers}
    for file, lines in found.items():
        print(f"{PurePosixPath(file).name}: {'; '.join(lines) or 'complete'}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
