"""Hold the coverage of each room against its floor: ``coverage_floors.py COVERAGE.json [--raise]``.

A room is a folder or a module right under ``evalharness/``. The share counts lines and branches together, as coverage.py does.
Exit status 1 if a room or the whole fell below its floor.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

FLOORS = Path(__file__).with_name("coverage-floors.toml")
SLACK = 0.3  # percentage points: a branch that only some runs take (timing, random examples) is no loss of tests


def shares(report: Path) -> dict[str, float]:
    """Percentage of lines and branches that ran, by room; ``all`` is the whole package."""
    ran: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for name, file in json.loads(report.read_text(encoding="utf-8"))["files"].items():
        summary = file["summary"]
        for room in (Path(name).parts[1].removesuffix(".py"), "all"):
            ran[room] += summary["covered_lines"] + summary["covered_branches"]
            there[room] += summary["num_statements"] + summary["num_branches"]
    return {room: 100 * ran[room] / there[room] for room in sorted(there) if there[room]}


def main(arguments: list[str]) -> int:
    measured = shares(Path(arguments[0]))
    text = FLOORS.read_text(encoding="utf-8")
    config = tomllib.loads(text)
    floors: dict[str, float] = config["floors"]
    fallen = 0
    for room, share in measured.items():
        goal, floor = config["goals"].get(room, config["goal"]), floors.get(room, 0.0)
        words = [f"below its floor {floor}"] if share < floor - SLACK else []
        words += [f"goal {goal}"] if share < goal else []
        fallen += share < floor - SLACK
        print(f"{room:14} {share:6.2f} %  {', '.join(words)}".rstrip())
    if "--raise" in arguments:
        raised = {room: max(floors.get(room, 0.0), int(share * 10) / 10) for room, share in measured.items()}
        lines = "".join(f"{room} = {floor}\n" for room, floor in raised.items())
        FLOORS.write_text(re.sub(r"(?s)(\[floors\]\n).*", r"\g<1>" + lines, text), encoding="utf-8")
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
