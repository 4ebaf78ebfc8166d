"""Baselines: what is refused and how the message helps, what is counted, what is scored anew, and what git holds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from house import Done, House, jsonl


def rows(house: House) -> list[dict[str, object]]:
    text = (house.root / "evalsets/s.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def rewrite(house: House, changed: list[dict[str, object]]) -> None:
    house.write("evalsets/s.jsonl", jsonl(changed))


def refused(done: Done) -> str:
    """The reason and the tip of a gate that was refused."""
    assert done.code == 2, done
    error = done.json["error"]
    assert done.json["outcome"] == "refused"
    return f"{error['where']}: {error['message']} | {error['tip']}"


def test_a_missing_baseline_is_refused_with_the_line_that_makes_one(house: House) -> None:
    house.cases(5)
    house.config()
    said = refused(house.evalh("gate", "--json"))
    assert "reports/baselines/g.jsonl" in said
    assert "evalh promote --why" in said
    assert house.calls() == 0


def test_a_reason_is_needed(house: House) -> None:
    house.cases(5)
    house.config()
    assert house.evalh("promote").code == 2
    assert house.evalh("promote", "--why", "  ").code == 2
    assert not (house.root / "reports").exists()


def test_the_file_holds_what_a_reviewer_needs(house: House) -> None:
    house.promoted(10)
    header, *lines = house.baseline_lines()
    assert (header["evalh"], header["gate"], header["why"]) == ("baseline/1", "g", "the start")
    assert (header["evalset"]["name"], header["candidate"]["name"], header["epochs"]) == ("s", "bot", 1)
    assert header["signatures"]["exact"].startswith("equals|")
    assert [line["id"] for line in lines] == [f"c{i:04d}" for i in range(10)]
    first = lines[0]["epochs"][0]
    assert first["output"] == "yes-0000"
    assert (first["scores"]["exact"]["value"], first["scores"]["exact"]["passed"]) == (1.0, True)
    assert {"usage", "latency_s", "cost_usd"} <= set(first)


def test_a_baseline_of_another_set_is_refused(house: House) -> None:
    house.promoted(10)
    text = (house.root / "evalh.toml").read_text(encoding="utf-8")
    house.write("evalh.toml", text.replace("\ns = {", "\nother = {").replace('evalset = "s"', 'evalset = "other"'))
    said = refused(house.evalh("gate", "--json"))
    assert "made on eval set 's', this gate uses 'other'" in said
    assert "evalh promote --why" in said


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[: len(text) // 2], "not the ones that were promoted"),
        (lambda text: text.replace("yes-0003", "yes-9999"), "not the ones that were promoted"),
        (lambda text: text.replace("baseline/1", "baseline/9"), "baseline/9"),
        (lambda text: "<<<<<<< HEAD\n" + text, "g.jsonl:1"),
        (lambda text: "", "g.jsonl:1"),
    ],
)
def test_a_file_that_was_cut_edited_or_merged_is_refused(house: House, spoil: object, said: str) -> None:
    house.promoted(10)
    path = house.root / "reports/baselines/g.jsonl"
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")  # type: ignore[operator]
    assert said in refused(house.evalh("gate", "--json"))


def test_a_scorer_that_was_edited_is_computed_anew_on_both_sides(house: House) -> None:
    house.promoted(100)
    house.config("EVEN", scorers="", limits="exact = { margin = 0.2 }")
    text = (house.root / "evalh.toml").read_text(encoding="utf-8")
    house.write("evalh.toml", text.replace('use = "equals"', 'use = "icontains"'))
    done = house.evalh("gate", "--json")
    assert done.code == 0
    assert done.gate["scorers"][0]["signature"].startswith("icontains|")
    assert done.gate["scorers"][0]["baseline_mean"] == pytest.approx(0.9, abs=0.1)


def test_a_new_scorer_is_computed_on_the_stored_answers(house: House) -> None:
    house.promoted(100)
    house.config(
        "EVEN",
        scorers='words = { use = "word_count", min = 1, max = 1 }',
        limits="exact = { margin = 0.2 }, words = { margin = 0.1, on = 'passed' }",
    )
    done = house.evalh("gate", "--json")
    assert done.code == 0, done
    _, words = done.gate["scorers"]
    assert (words["scorer"], words["baseline_mean"], words["difference"]) == ("words", 1.0, 0.0)
    assert house.calls() == done.gate["calls"]["made"] <= 100


def test_without_answers_a_changed_scorer_is_refused_by_name_and_signature(house: House) -> None:
    house.promoted(60, gate="store_answers = false")
    header, *lines = house.baseline_lines()
    assert header["answers"] is False
    assert all("output" not in epoch for line in lines for epoch in line["epochs"])
    assert b"yes-0001" not in (house.root / "reports/baselines/g.jsonl").read_bytes().replace(b"'yes-0001'", b"")
    house.config("EVEN", gate="store_answers = false")
    assert house.evalh("gate").code in (0, 3)  # what was scored then can still be compared
    more = 'words = { use = "word_count", max = 1 }'
    house.config("EVEN", scorers=more, limits="exact = 0.1, words = { margin = 0.1, on = 'passed' }")
    said = refused(house.evalh("gate", "--json"))
    assert "scorer 'words' cannot be compared" in said
    assert "keeps no answers" in said
    text = (house.root / "evalh.toml").read_text(encoding="utf-8").replace('"equals"', '"equals", case = true')
    house.config("EVEN")
    text = (house.root / "evalh.toml").read_text(encoding="utf-8").replace('"equals"', '"icontains"')
    house.write("evalh.toml", text)
    said = refused(house.evalh("gate", "--json"))
    assert "scorer 'exact' cannot be compared" in said
    assert "equals|" in said
    assert "icontains|" in said
    assert "evalh promote --why" in said


def test_edited_added_and_removed_cases_are_counted_and_not_paired(house: House) -> None:
    house.promoted(100)
    changed = rows(house)
    changed[3]["target"] = "another"
    changed[4]["deprecated"] = "policy changed"
    del changed[5]
    changed.append({"id": "new-1", "input": "case 0150", "target": "yes-0150"})
    rewrite(house, changed)
    house.config("EVEN")
    done = house.evalh("gate", "--json")
    assert done.code in (0, 3), done
    pairs = done.gate["pairs"]
    assert (pairs["planned"], pairs["edited"], pairs["added"], pairs["removed"]) == (97, 1, 1, 2)
    assert house.calls() <= 97
    assert "unpaired" in {warning["code"] for warning in done.json["warnings"]}
    unchanged = House(root=house.root, url=house.url)
    unchanged.config("GOOD")
    same = unchanged.evalh("gate", "--json").gate
    assert (same["reason"], same["pairs"]["edited"]) == ("unchanged", 1)


def test_too_many_changed_cases_are_refused(house: House) -> None:
    house.promoted(100)
    changed = rows(house)
    for row in changed[:6]:
        row["target"] = "another"
    rewrite(house, changed)
    house.config("EVEN")
    said = refused(house.evalh("gate", "--json"))
    assert "6 cases edited and 0 removed" in said
    assert "6.0%" in said
    assert "allowed 5.0%" in said
    assert "c0000" in said
    assert house.calls() == 0
    house.config("EVEN", gate="max_changed = 0.06")
    assert house.evalh("gate").code in (0, 3)
    for row in changed:
        row["target"] = "another"
    rewrite(house, changed)
    house.config("EVEN", gate="max_changed = 1.0")
    assert "no case of the eval set is in the baseline unchanged" in refused(house.evalh("gate", "--json"))


def test_metadata_and_tags_may_change(house: House) -> None:
    house.promoted(30)
    changed = rows(house)
    for row in changed:
        row["tags"] = ["other"]
        row["metadata"] = {"note": "x"}
    rewrite(house, changed)
    done = house.evalh("gate", "--json")
    assert done.code in (0, 2)
    assert done.gate["pairs"]["edited"] in (0, 30)


def test_promote_latest_takes_a_whole_run_and_no_gate_run(house: House) -> None:
    house.cases(60)
    house.config()
    assert house.evalh("run", "bot").code == 0
    assert house.evalh("promote", "latest", "--why", "reviewed").code == 0
    assert house.baseline_lines()[0]["why"] == "reviewed"
    assert house.calls() == 60
    house.config("EVEN")
    house.evalh("gate")
    done = house.evalh("promote", "latest", "--why", "it passed")
    assert done.code == 2
    assert "made by a gate" in done.text
    assert house.evalh("run", "bot", "--limit", "5").code == 4
    part = house.evalh("promote", "latest", "--why", "a part")
    assert part.code == 2, part
    assert house.evalh("promote", "feedbeef", "--why", "none").code == 2
    assert house.baseline_lines()[0]["why"] == "reviewed"


def test_promote_takes_the_file_of_a_whole_run_made_elsewhere(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ci = House(root=tmp_path_factory.mktemp("ci"), url=house.url)
    ci.cases(60)
    ci.config()
    assert ci.evalh("run", "bot", "-o", "run.jsonl").code == 0
    house.cases(60)
    house.config()
    house.forget_calls()
    (house.root / "x.jsonl").write_bytes((ci.root / "run.jsonl").read_bytes())
    done = house.evalh("promote", "x.jsonl", "--why", "made in CI")
    assert done.code == 0, done
    assert house.baseline_lines()[0]["why"] == "made in CI"
    same = house.evalh("gate", "--json")
    assert (same.code, same.gate["reason"], house.calls()) == (0, "unchanged", 0)
    # Edited on the way, of a part only, or of another set: refused.
    text = (house.root / "x.jsonl").read_text(encoding="utf-8")
    house.write("y.jsonl", text.replace("yes-0001", "yes-9001"))
    assert house.evalh("promote", "y.jsonl", "--why", "x").code == 2
    assert ci.evalh("run", "bot", "--limit", "5", "-o", "part.jsonl").code == 4
    (house.root / "part.jsonl").write_bytes((ci.root / "part.jsonl").read_bytes())
    part = house.evalh("promote", "part.jsonl", "--why", "x")
    assert part.code == 2, part
    house.cases(59)
    assert house.evalh("promote", "x.jsonl", "--why", "x").code == 2


def git(house: House, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=house.root, check=True, capture_output=True)


def test_a_baseline_of_another_branch_is_read_from_git(house: House) -> None:
    house.promoted(60, "SURE")
    git(house, "init", "-q", "-b", "main")
    git(house, "add", "-A", ".")
    git(house, "commit", "-q", "-m", "start")
    git(house, "switch", "-q", "-c", "work")
    house.config("DROP")
    assert house.evalh("promote", "--why", "a worse one").code == 0
    git(house, "add", "-A", ".")
    git(house, "commit", "-q", "-m", "worse")
    assert house.baseline_lines()[0]["commit"]
    assert house.evalh("gate", "--json").gate["reason"] == "unchanged"
    done = house.evalh("gate", "--baseline", "baseline@main", "--json")
    assert (done.code, done.gate["outcome"]) == (1, "regression")
    compared = house.evalh("compare", "baseline@main", "baseline", "--json")
    assert (compared.code, compared.json["outcome"]) == (1, "regression")
    below = house.evalh("-C", "evalsets", "gate", "--baseline", "baseline@main", "--json")
    assert below.code == 1
    for ref in ("nowhere", "-x", "a b"):
        missing = house.evalh("gate", "--baseline", f"baseline@{ref}", "--json")
        assert missing.code == 2
        assert ref in missing.json["error"]["message"]


def test_a_gate_may_name_a_candidate_or_a_file_as_its_baseline(house: House) -> None:
    house.cases(200)
    old = f'old = {{ model = "m-1", prompt = "GOOD {{{{ input }}}}", base_url = "{house.url}", temperature = 0 }}'
    house.config("DROP", gate='baseline = "old"', scorers="", bot="")
    text = (house.root / "evalh.toml").read_text(encoding="utf-8").replace("[candidates]", f"[candidates]\n{old}")
    house.write("evalh.toml", text)
    done = house.evalh("gate", "--json")
    assert (done.code, done.gate["baseline"]["name"]) == (1, "old")
    assert 200 < house.calls() < 400
    house.config("DROP", gate='baseline = "nothing.jsonl"')
    assert "no candidate and no file named 'nothing.jsonl'" in refused(house.evalh("gate", "--json"))
    house.write("old.jsonl", jsonl({"id": f"c{i:04d}", "output": f"yes-{i:04d}"} for i in range(200)))
    house.config("DROP", gate='baseline = "old.jsonl"')
    done = house.evalh("gate", "--json")
    assert (done.code, done.gate["baseline"]["name"]) == (1, "old")


def test_paths_outside_the_project_are_refused(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "old.jsonl"
    outside.write_text('{"id":"c0000","output":"x"}\n')
    house.cases(5)
    house.config(gate=f'baseline = "{outside}"')
    assert "outside" in refused(house.evalh("gate", "--json"))
    Path(house.root / "link.jsonl").symlink_to(outside)
    house.config(gate='baseline = "link.jsonl"')
    assert "link" in refused(house.evalh("gate", "--json"))
