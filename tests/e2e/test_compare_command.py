"""``compare``: two files without a project, runs and candidates inside one, and real solutions of real systems."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from house import Done, House, evalh, jsonl
from test_gate_command import SCHEMA

SYSTEMS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def files(folder: Path, n: int) -> None:
    """An eval set and three systems: ``old`` and ``same`` are right, ``new`` is wrong on four of ten."""
    rows = range(n)
    (folder / "cases.jsonl").write_text(jsonl({"id": f"c{i}", "input": "q", "target": f"t{i}"} for i in rows))
    (folder / "old.jsonl").write_text(jsonl({"id": f"c{i}", "output": f"t{i}"} for i in rows))
    (folder / "same.jsonl").write_text(jsonl({"id": f"c{i}", "output": f"t{i}", "latency_s": 0.5} for i in rows))
    (folder / "new.jsonl").write_text(jsonl({"id": f"c{i}", "output": f"t{i}" if i % 10 < 6 else "-"} for i in rows))


def compare(folder: Path, *words: str) -> Done:
    done = evalh("compare", *words, cwd=folder)
    if "--json" in words:
        jsonschema.Draft7Validator(SCHEMA).validate(done.json)
    return done


def test_two_files_in_one_line_without_a_project(tmp_path: Path) -> None:
    files(tmp_path, 200)
    before = sorted(tmp_path.iterdir())
    line = ("--set", "cases.jsonl", "--scorer", "equals")
    worse = compare(tmp_path, "old.jsonl", "new.jsonl", *line)
    assert worse.code == 1
    assert "REGRESSION" in worse.text
    assert "margin 0.05 on every scorer, because none was given" in worse.text
    same = compare(tmp_path, "old.jsonl", "same.jsonl", *line, "--json")
    assert (same.code, same.json["outcome"], same.gate["pairs"]["used"]) == (0, "pass", 200)
    better = compare(tmp_path, "new.jsonl", "old.jsonl", *line, "--json")
    assert (better.code, better.gate["scorers"][0]["difference"]) == (0, pytest.approx(0.4))
    assert sorted(tmp_path.iterdir()) == before  # neither a store nor anything else


def test_margins_and_several_scorers(tmp_path: Path) -> None:
    files(tmp_path, 200)
    scorers = ("--scorer", "exact_match:case=false", "--scorer", "contains", "--scorer", "latency")
    done = compare(tmp_path, "old.jsonl", "same.jsonl", "--set", "cases.jsonl", *scorers, "--margin", "0.02", "--json")
    assert [(s["scorer"], s["role"], s["margin"]) for s in done.gate["scorers"]] == [
        ("exact_match:case=false", "guard", 0.02),
        ("contains", "guard", 0.02),
        ("latency", "report", None),
    ]
    wide = compare(tmp_path, "old.jsonl", "new.jsonl", "--set", "cases.jsonl", "--scorer", "equals", "--margin", "0.6")
    assert wide.code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("old.jsonl", "old.jsonl", "--set", "cases.jsonl", "--scorer", "equals"), "compared with itself"),
        (("old.jsonl", "./old.jsonl", "--set", "cases.jsonl", "--scorer", "equals"), "compared with itself"),
        (("old.jsonl", "none.jsonl", "--set", "cases.jsonl", "--scorer", "equals"), "none.jsonl"),
        (("old.jsonl", "new.jsonl", "--set", "none.jsonl", "--scorer", "equals"), "none.jsonl"),
        (("old.jsonl", "new.jsonl", "--scorer", "equals"), "which eval set"),
        (("old.jsonl", "new.jsonl", "--set", "cases.jsonl"), "no scorer to compare with"),
        (("old.jsonl", "new.jsonl", "--set", "cases.jsonl", "--scorer", "equal"), "equals"),
        (("old.jsonl", "new.jsonl", "--set", "cases.jsonl", "--scorer", "exact_match:cse=1"), "'cse'"),
        (("old.jsonl", "new.jsonl", "--set", "cases.jsonl", "--scorer", "equals:case"), "key=value"),
        (("old.jsonl", "latest", "--set", "cases.jsonl", "--scorer", "equals"), "latest"),
        (("old.jsonl", "new.jsonl", "--set", "cases.jsonl", "--scorer", "equals", "--margin", "2"), "margin"),
        ((), "compare needs A"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    files(tmp_path, 10)
    done = compare(tmp_path, *words)
    assert done.code == 2, done
    assert said in done.text
    assert not (tmp_path / ".evalh").exists()


def test_files_are_meant_from_the_folder_the_person_is_in(house: House) -> None:
    house.cases(3)
    house.config(limits="exact = { margin = 0.5 }")
    (house.root / "below").mkdir()
    files(house.root / "below", 100)
    line = ("compare", "old.jsonl", "new.jsonl", "--set", "cases.jsonl", "--scorer", "equals")
    assert house.evalh("-C", "below", *line).code == 1
    assert house.evalh("compare", "below/old.jsonl", "below/same.jsonl", "--set", "below/cases.jsonl").code == 0


def test_a_file_that_lacks_answers_is_incomplete(tmp_path: Path) -> None:
    files(tmp_path, 100)
    lines = (tmp_path / "same.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "same.jsonl").write_text("".join(lines[:90]))
    done = compare(tmp_path, "old.jsonl", "same.jsonl", "--set", "cases.jsonl", "--scorer", "equals", "--json")
    assert (done.code, done.json["outcome"]) == (4, "incomplete")
    assert "10 of 100" in done.gate["reason"]


def test_runs_candidates_and_baselines_inside_a_project(house: House) -> None:
    house.promoted(200, "SURE")
    worse = f'worse = {{ model = "m-1", prompt = "DROP {{{{ input }}}}", base_url = "{house.url}", temperature = 0 }}'
    text = (house.root / "evalh.toml").read_text(encoding="utf-8")
    house.write("evalh.toml", text.replace("[candidates]", f"[candidates]\n{worse}"))
    by_name = house.evalh("compare", "bot", "worse", "--json")
    assert (by_name.code, by_name.gate["baseline"]["name"], by_name.gate["candidate"]["name"]) == (1, "bot", "worse")
    assert by_name.gate["scorers"][0]["margin"] == 0.1  # the gate's own
    assert by_name.gate["calls"]["saved_by_early_stop"] > 0
    assert house.evalh("run", "bot").code == 0
    assert house.evalh("run", "worse").code == 0
    house.forget_calls()
    runs = house.evalh("compare", "latest~1", "latest", "--json")
    assert (runs.code, runs.gate["pairs"]["used"]) == (1, 200)
    ids = [row["run_id"] for row in house.evalh("show", "--list", "--json").json["runs"]][:2]
    by_id = house.evalh("compare", ids[1][:8], ids[0][:8], "--json")
    assert by_id.gate["scorers"] == runs.gate["scorers"]
    alone = house.evalh("compare", "latest", "--json")
    assert (alone.code, alone.gate["baseline"]["name"]) == (1, "bot")
    stored = house.evalh("compare", "baseline", "latest", "--json")
    assert stored.gate["scorers"] == alone.gate["scorers"]
    assert house.evalh("compare", "latest", "latest").code == 2
    assert house.evalh("compare", "latest", "latest~0").code == 2
    assert house.calls() == 0


# --- real solutions ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def solutions() -> list[dict[str, Any]]:
    """Solutions of four systems to 660 problems of GSM8K, with the authors' own judgement."""
    data = os.environ.get("EVALH_TEST_DATA")
    if not data:
        pytest.skip("needs real data: EVALH_TEST_DATA names its folder")
    with gzip.open(Path(data) / "gsm8k/gsm8k_even.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write_solutions(folder: Path, rows: list[dict[str, Any]]) -> None:
    cases = ({"id": row["id"], "input": row["input"], "target": row["expected"]} for row in rows)
    (folder / "cases.jsonl").write_text(jsonl(cases), encoding="utf-8")
    for system in SYSTEMS:
        answers = ({"id": row["id"], "output": row["outputs"][system]} for row in rows)
        (folder / f"{system}.jsonl").write_text(jsonl(answers), encoding="utf-8")


def as_gate(folder: Path, old: str, new: str, scorer: str, more: str = "") -> Done:
    """The same question as a gate with a stored baseline."""
    config = (
        'version = 1\n[evalsets]\ns = {{ path = "cases.jsonl" }}\n[candidates]\nsystem = {{ recorded = "{0}.jsonl" }}\n'
        "[scorers]\nanswer = {{ {1} }}\n[gates.g]\ncandidate = 'system'\nevalset = 's'\nlimits = {{ answer = 0.05 }}\n{2}\n"
    )
    (folder / "evalh.toml").write_text(config.format(old, scorer, more))
    assert evalh("promote", "--why", "the old system", cwd=folder).code == 0
    (folder / "evalh.toml").write_text(config.format(new, scorer, more))
    return evalh("gate", "--json", cwd=folder)


@pytest.mark.parametrize("n", [50, 200, 660])
def test_a_real_loss_of_25_points_is_a_regression(solutions: list[dict[str, Any]], tmp_path: Path, n: int) -> None:
    rows = solutions[:n]
    write_solutions(tmp_path, rows)
    pair = ("175b_verification", "175b_finetuning")
    official = [sum(row["official_correct"][system] for row in rows) / n for system in pair]
    for scorer in ("number:after=A:", "number:rule=last"):
        line = (f"{pair[0]}.jsonl", f"{pair[1]}.jsonl", "--set", "cases.jsonl", "--scorer", scorer, "--json")
        done = compare(tmp_path, *line)
        (found,) = done.gate["scorers"]
        assert (done.code, found["outcome"], found["n"]) == (1, "regression", n)
        assert [found["baseline_mean"], found["candidate_mean"]] == pytest.approx(official, abs=1e-9)
    gate = as_gate(tmp_path, *pair, 'use = "number", after = "A:"')
    assert (gate.code, gate.gate["outcome"]) == (1, "regression")
    assert gate.gate["pairs"]["used"] <= n


def test_a_real_change_that_is_too_small_to_call(solutions: list[dict[str, Any]], tmp_path: Path) -> None:
    write_solutions(tmp_path, solutions[:200])
    pair = ("6b_verification", "175b_finetuning")
    line = (f"{pair[0]}.jsonl", f"{pair[1]}.jsonl", "--set", "cases.jsonl", "--scorer", "number:after=A:", "--json")
    found = compare(tmp_path, *line).gate["scorers"][0]
    assert (found["worse"], found["better"], found["same"]) == (23, 20, 157)
    # One case order of fifty passes this pair, as alpha_pass allows (all 660 rows show a loss of 7 points), so the order
    # is held still here.
    gate = as_gate(tmp_path, *pair, 'use = "number", after = "A:"', 'order_seed = "a fixed order"')
    assert (gate.code, gate.gate["outcome"]) == (3, "inconclusive")
    assert gate.gate["scorers"][0]["needed_cases"]["if_unchanged"] > 200
