"""What moved over is written whole or not at all, and the config that is made for it can be loaded."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.errors import DiskFailed, EvalSetError
from evalharness.evalset.jsonl import read_answers, read_cases
from evalharness.moving.moved import Moved
from evalharness.project.moved_config import project_of
from evalharness.project.moving_in import write_moved


def moved(*cases: Case, **more: Any) -> Moved:
    return Moved(kind="x", sha256="0" * 64, cases=cases, rows=len(cases), **more)


def config(made: Moved, recorded: dict[str, str]) -> dict[str, Any]:
    return tomllib.loads(project_of(made, name="qa", recorded=recorded).config)


def test_files_of_several_systems_have_names_of_their_own(tmp_path: Path) -> None:
    answers = {name: ({"id": "a", "output": "x"},) for name in ("GPT 5", "gpt-5", "日本")}
    made = moved(Case(id="a", input="q"), answers=answers)
    written = write_moved(made, name="qa", origin="x:y", root=tmp_path, path=tmp_path / "evalsets" / "qa.jsonl")
    assert list(written.recorded.values()) == [
        "recorded/qa-gpt-5.jsonl",
        "recorded/qa-gpt-5-2.jsonl",
        "recorded/qa-system.jsonl",
    ]
    assert [case.id for case in read_cases(tmp_path / "evalsets" / "qa.jsonl")] == ["a"]
    assert len(list(read_answers(tmp_path / written.recorded["日本"]))) == 1
    assert written.version == "1.0.0"
    assert 'origin = "x:y"' in (tmp_path / "evalh.lock").read_text(encoding="utf-8")


def test_nothing_is_written_where_one_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recorded" / "qa.jsonl").write_text("mine", encoding="utf-8")
    made = moved(Case(id="a", input="q"), answers={"s": ({"id": "a", "output": "x"},)})
    with pytest.raises(EvalSetError, match="an import never overwrites"):
        write_moved(made, name="qa", origin="x", root=tmp_path, path=tmp_path / "evalsets" / "qa.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recorded"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "evalsets").write_text("a file", encoding="utf-8")
    with pytest.raises(DiskFailed):
        write_moved(
            moved(Case(id="a", input="q")),
            name="qa",
            origin="x",
            root=tmp_path,
            path=tmp_path / "evalsets" / "qa.jsonl",
        )


# --- the config -------------------------------------------------------------------------------------------------------


def test_short_references_are_labels_and_long_ones_are_not() -> None:
    short = config(moved(Case(id="a", input="q", target="Paris")), {})
    long = config(moved(Case(id="a", input="q", target="Within thirty days of the delivery")), {})
    none = config(moved(Case(id="a", input="q")), {})
    assert (short["scorers"]["correct"], long["scorers"]["correct"]) == ({"use": "exact_match"}, {"use": "rougeL"})
    assert none["gates"]["qa"]["limits"] == {"not_empty": {"every": True}, "latency": {"role": "report"}}
    assert short["candidates"] == {"bot": {"model": "gpt-5-mini"}}


def test_whole_recordings_are_candidate_and_baseline_and_partial_ones_only_candidates() -> None:
    cases = (Case(id="a", input="q"), Case(id="b", input="p"))
    full = tuple({"id": case.id, "output": "x"} for case in cases)
    made = moved(*cases, answers={"old": full, "new": full, "part": full[:1]})
    read = config(made, {"old": "recorded/1.jsonl", "new": "recorded/2.jsonl", "part": "recorded/3.jsonl"})
    assert (read["gates"]["qa"]["candidate"], read["gates"]["qa"]["baseline"]) == ("new", "old")
    assert list(read["candidates"]) == ["old", "new", "part"]
    alike = config(moved(*cases, answers={"GPT 5": full, "gpt-5": full}), {"GPT 5": "1.jsonl", "gpt-5": "2.jsonl"})
    assert [table["recorded"] for table in alike["candidates"].values()] == ["1.jsonl", "2.jsonl"]


def test_names_and_values_are_quoted_as_toml_wants_them() -> None:
    setup = {
        "candidates": {"größe": {"model": 'a"b\\\x7f', "stop": ["x", "y"], "extra": {"a b": True, "n": None}}},
        "wishes": {"similar": {"threshold": 0.7}, "judge": {}, "cost": {"threshold": 0.1}},
        "files": {"prompts/x.jinja": "text"},
    }
    project = project_of(moved(Case(id="a", input="q", target="t"), setup=setup), name="q a", recorded={})
    read = tomllib.loads(project.config)
    assert read["candidates"]["größe"] == {"model": 'a"b\\\x7f', "stop": ["x", "y"], "extra": {"a b": True}}
    assert read["gates"]["q a"]["limits"]["cost"] == {"role": "report"}
    assert "# similar = { use = " in project.config
    assert "# meets = { use = " in project.config
    assert sorted(project.files) == ["prompts/x.jinja", "rubrics/meets-the-reference.toml"]
