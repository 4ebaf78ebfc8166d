"""Ten kinds of bad input: each ends in one line that says where, what was seen and what was expected, and its exit code."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from house import House, jsonl


def set_line(line: str) -> Callable[[House], None]:
    """Spoil the third line of the eval set."""

    def spoil(house: House) -> None:
        lines = (house.root / "evalsets/s.jsonl").read_text(encoding="utf-8").splitlines()
        lines[2] = line
        house.write("evalsets/s.jsonl", "\n".join(lines) + "\n")

    return spoil


def config(old: str, new: str) -> Callable[[House], None]:
    """Spoil the config."""

    def spoil(house: House) -> None:
        text = (house.root / "evalh.toml").read_text(encoding="utf-8")
        assert old in text
        house.write("evalh.toml", text.replace(old, new))

    return spoil


def other_set(house: House) -> None:
    """A gate that moves to a second eval set after its baseline was made."""
    house.write("evalsets/t.jsonl", jsonl([{"id": "c0000", "input": "case 0000", "target": "yes-0000"}]))
    config("[evalsets]", '[evalsets]\nt = { path = "evalsets/t.jsonl" }')(house)
    config('evalset = "s"', 'evalset = "t"')(house)


TABLE = {
    "broken JSON line": (
        set_line('{"id": "c0002", "input": "x"'),
        "evalsets/s.jsonl:3: column 29: not JSON: Expecting ',' delimiter, expected one strict JSON object a line",
    ),
    "duplicate id": (
        set_line('{"id": "C0001", "input": "x"}'),
        'evalsets/s.jsonl:3: id: seen "C0001", but line 2 has "c0001" (case does not count) already, expected unique ids',
    ),
    "unknown key": (
        config("candidate =", "candidte ="),
        "evalh.toml:11: gates.g.candidte: unknown key 'candidte'",
    ),
    "unknown scorer": (
        config('"equals"', '"equal"'),
        "evalh.toml:8: scorers.exact.use: no scorer word 'equal'",
    ),
    "missing file": (
        config("evalsets/s.jsonl", "evalsets/none.jsonl"),
        "evalh.toml:4: evalsets.s.path: no such file: evalsets/none.jsonl",
    ),
    "wrong type": (
        config("margin = 0.1", 'margin = "a lot"'),
        'evalh.toml:13: gates.g.limits.exact.margin: expected a number of at least 0, got the string "a lot"',
    ),
    "NaN": (
        set_line('{"id": "c0002", "input": "x", "weight": NaN}'),
        "evalsets/s.jsonl:3: seen NaN is not a JSON number, expected one strict JSON object a line",
    ),
    "empty set": (
        lambda house: house.write("evalsets/s.jsonl", ""),
        "evalsets/s.jsonl: the eval set is empty, expected at least one case",
    ),
    "undefined template variable": (
        config("{{ input }}", "{{ inptu }}"),
        "evalh.toml:6: candidates.bot.prompt: the template cannot be rendered for case c....: 'inptu' is undefined",
    ),
    "baseline of another set": (
        other_set,
        "reports/baselines/g.jsonl: the baseline was made on eval set 's', this gate uses 't'",
    ),
}


@pytest.mark.parametrize("kind", TABLE)
def test_one_line_and_exit_code_2(house: House, kind: str) -> None:
    spoil, expected = TABLE[kind]
    house.promoted(5)
    spoil(house)
    done = house.evalh("gate", "--json")
    error = done.json["error"]
    line = f"{error['where']}: {error['message']}"
    print(f"| {kind} | {line} | {error['tip']} | {done.code} |")
    assert (done.code, done.json["outcome"], done.json["exit_code"]) == (2, "refused", 2)
    assert re.sub(r"case c\d{4}", "case c....", line) == expected  # which case is asked first is drawn
    screen = house.evalh("gate")
    assert screen.code == 2
    assert "Traceback" not in screen.text
    assert error["message"].split("; ")[0][:40] in screen.text
    assert house.calls() == 0  # nothing is spent on bad input
