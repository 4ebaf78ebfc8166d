import json
from pathlib import Path

import pytest

from evalharness.config.load import load_config
from evalharness.evalset import lock as lock_module
from evalharness.evalset.findings import look_at_set
from evalharness.evalset.lint import lint_config
from evalharness.evalset.lock import read_lock

CONFIG = """
version = 1
[evalsets]
s = { path = "s.jsonl" }
[candidates]
old = { recorded = "old.jsonl" }
[scorers]
exact = { use = "equals" }
[gates.g]
candidate = "old"
evalset = "s"
baseline = "base.jsonl"
limits = { exact = { margin = 0.05 } }
"""
A, B, C = ({"id": name, "input": f"question {name}", "target": name} for name in "abc")
ANSWERS = {"id": "a", "output": "a"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("evalh.toml").write_text(CONFIG)
    write("old.jsonl", ANSWERS)
    write("base.jsonl", ANSWERS)
    write("s.jsonl", A, B)
    return tmp_path


def write(name, *rows):
    text = "".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n" for row in rows)
    Path(name).write_text(text, encoding="utf-8")


def lint(*paths, fix=False, **more):
    return lint_config(load_config(Path()), paths, fix, **more)


def said(findings):
    return [finding.text().split("\n")[0] for finding in findings]


def test_a_set_is_locked_and_its_version_follows_its_changes(project):
    assert said(lint()) == ["evalh.lock: evalsets.s: not locked yet -> 1.0.0"]
    assert not Path("evalh.lock").exists()
    assert said(lint(fix=True)) == ["evalh.lock: evalsets.s: fixed: not locked yet -> 1.0.0"]
    assert lint() == []
    steps = [
        ((A, B, C), "+1 case -> 1.1.0"),
        (({**A, "tags": ["t"]}, B, C), "1 described -> 1.1.1"),
        (({**A, "tags": ["t"]}, {**B, "target": "new"}, C), "1 meaning edited (b) -> 2.0.0"),
        (({**A, "tags": ["t"]}, {**B, "target": "new"}, {**C, "deprecated": "old"}), "1 deprecated -> 2.1.0"),
        (({**A, "tags": ["t"]},), "-2 cases -> 3.0.0"),
    ]
    for rows, summary in steps:
        write("s.jsonl", *rows)
        assert said(lint()) == [f"evalh.lock: evalsets.s: {summary}"]
        assert all(finding.counts and finding.fixable for finding in lint())
        assert not any(finding.counts for finding in lint(fix=True))
        assert lint() == []
        assert read_lock("evalh.lock").evalsets["s"].version == summary.split("-> ")[1]


def test_fix_sorts_and_tidies_without_changing_the_version(project):
    lint(fix=True)
    Path("s.jsonl").write_bytes(
        b'{"input": "question b", "id": "b", "target": "b"}\r\n{"target":"a","id":"a","input":"question \\u0061"}'
    )
    assert said(lint()) == ["s.jsonl:1: the line is not in canonical form"]
    assert said(lint(fix=True)) == ["s.jsonl: fixed: written sorted by id, in canonical lines"]
    assert lint() == []
    expected = Path("s.jsonl").read_bytes()
    write("s.jsonl", B, A)
    assert said(lint()) == ["s.jsonl: the lines are not in id order"]
    lint(fix=True)
    assert (
        Path("s.jsonl").read_bytes()
        == expected
        == b'{"id":"a","input":"question a","target":"a"}\n{"id":"b","input":"question b","target":"b"}\n'
    )
    assert read_lock("evalh.lock").evalsets["s"].version == "1.0.0"


def test_every_wrong_line_is_found_and_nothing_is_touched(project):
    lint(fix=True)
    locked = Path("evalh.lock").read_bytes()
    write("s.jsonl", C, {"id": "b"}, {"id": "c", "input": "x"}, {"id": "d", "input": "x", "tag": []})
    before = Path("s.jsonl").read_bytes()
    found = lint(fix=True)
    assert [(finding.line, finding.field) for finding in found] == [(2, "input"), (3, "id"), (4, "tag")]
    assert said(found)[0] == "s.jsonl:2: input: seen no such field, expected every case to have id and input"
    assert found[2].tip == "did you mean 'tags'?"
    assert all(finding.counts and not finding.fixable for finding in found)
    assert Path("s.jsonl").read_bytes() == before
    assert Path("evalh.lock").read_bytes() == locked


def test_many_wrong_lines_are_cut(project):
    write("s.jsonl", A, *({"id": i} for i in range(30)))
    found = said(lint())
    assert len(found) == 21
    assert found[-1] == "s.jsonl: 10 more lines are wrong"


def test_empty_and_missing_sets_are_found(project):
    write("s.jsonl")
    assert said(lint()) == ["s.jsonl: the eval set is empty, expected at least one living case"]
    write("s.jsonl", {**A, "deprecated": "old"})
    assert said(lint()) == ["s.jsonl: all 1 cases are deprecated, expected at least one living case"]
    config = load_config(Path())
    Path("s.jsonl").unlink()
    assert said(lint_config(config)) == ["s.jsonl: no such file"]


def test_answers_and_corpora_are_read(project):
    write("old.jsonl", {"id": "a"})
    write("base.jsonl")
    Path("evalh.toml").write_text(CONFIG.replace('"s.jsonl" }', '"s.jsonl", corpus = "c.jsonl" }'))
    write("c.jsonl", {"_id": "x"})
    lint(fix=True)
    assert said(lint()) == [
        "c.jsonl:1: text: seen null, expected text",
        "old.jsonl:1: output: seen none, expected output, documents, messages or error",
        "base.jsonl: the answers file is empty, expected at least one answer",
    ]


def test_only_the_named_files_are_looked_at(project):
    write("old.jsonl", {"id": "a"})
    write("s.jsonl", B, A)
    assert said(lint("old.jsonl")) == ["old.jsonl:1: output: seen none, expected output, documents, messages or error"]
    assert said(lint("s.jsonl"))[0] == "s.jsonl: the lines are not in id order"


def test_a_file_outside_the_project_is_refused(project):
    outside = project.parent / "outside.jsonl"
    outside.write_text("")
    config = load_config(Path())
    Path("s.jsonl").unlink()
    Path("s.jsonl").symlink_to(outside)
    (found,) = lint_config(config)
    assert "outside the project" in found.message
    assert found.counts


def test_a_conflicted_lock_is_reported_and_rewritten(project):
    lint(fix=True)
    base = Path("evalh.lock").read_text()
    write("s.jsonl", A, B, C)
    lint(fix=True)
    ours = Path("evalh.lock").read_text()
    write("s.jsonl", {**A, "target": "new"}, B)
    Path("evalh.lock").write_text(base)
    lint(fix=True)
    theirs = Path("evalh.lock").read_text()
    write("s.jsonl", {**A, "target": "new"}, B, C)
    body = "<<<<<<< ours\n{}=======\n{}>>>>>>> theirs\n"
    Path("evalh.lock").write_text(body.format(ours, theirs))
    found = said(lint())
    assert found == [
        "evalh.lock:1: seen the conflict marker <<<<<<<, expected a merged lock",
        "evalh.lock: evalsets.s: +1 case -> 2.1.0",
    ]
    assert not any(finding.counts for finding in lint(fix=True))
    assert lint() == []
    assert read_lock("evalh.lock").evalsets["s"].version == "2.1.0"


def test_a_broken_lock_is_left_to_a_person(project):
    Path("evalh.lock").write_text("nonsense")
    (found,) = lint(fix=True)
    assert found.message.startswith("not TOML")
    assert found.counts
    assert Path("evalh.lock").read_text() == "nonsense"


def test_entries_of_sets_that_are_gone_are_dropped_but_imports_wait(project):
    lint(fix=True)
    text = Path("evalh.lock").read_text().replace("evalsets.s]", "evalsets.gone]")
    waiting = text.split("lock = 1\n")[1].replace("gone", "waiting") + '\n[evalsets.waiting.source]\norigin = "a.csv"\n'
    Path("evalh.lock").write_text(text + waiting)
    assert "evalh.lock: evalsets.gone: no such eval set in the config any more" in said(lint())
    lint(fix=True)
    assert sorted(read_lock("evalh.lock").evalsets) == ["s", "waiting"]
    assert lint() == []


def test_big_sets_ask_for_the_committed_file(project, monkeypatch):
    monkeypatch.setattr(lock_module, "MAX_FINGERPRINTS", 1)
    lint(fix=True)
    committed = Path("s.jsonl").read_bytes()
    write("s.jsonl", A, B, C)
    assert said(lint()) == ["evalh.lock: evalsets.s: changed, and nothing tells what: counted as major -> 2.0.0"]
    assert said(lint(committed=lambda path: committed)) == ["evalh.lock: evalsets.s: +1 case -> 1.1.0"]
    assert said(lint(committed=lambda path: None))[0].endswith("counted as major -> 2.0.0")


JUDGE = """
[scorers.j]
use = "judge"
rubric = "r.toml"
model = "m"
"""


def test_rubrics_are_locked_and_their_version_must_move(project):
    Path("evalh.toml").write_text(CONFIG.replace("[gates.g]", f"{JUDGE}[gates.g]"))
    Path("r.toml").write_text('id = "r"\nversion = 1\ntask = "t"\n')
    Path("anchors").mkdir()
    write("anchors/r.jsonl", {}, {})
    assert "evalh.lock: rubrics.r: version 1 is not locked yet" in said(lint())
    lint(fix=True)
    assert lint() == []
    assert read_lock("evalh.lock").rubrics["r"].n == 2
    Path("r.toml").write_text('id = "r"\nversion = 1\ntitle = "words"\ntask = "t"\n')
    assert lint() == []
    Path("r.toml").write_text('id = "r"\nversion = 1\ntask = "other"\n')
    (found,) = lint(fix=True)
    assert (
        found.text()
        == "r.toml: version: the rubric changed since it was locked, but its version is still 1\n  tip: write version = 2"
    )
    Path("r.toml").write_text('id = "r"\nversion = 2\ntask = "other"\n')
    lint(fix=True)
    assert lint() == []
    for text, message in (
        ("= 1", "not a TOML file"),
        ('version = "1"', "seen '1', expected a whole number"),
        ("version = 1\nday = 2026-01-01", "seen a date"),
    ):
        Path("r.toml").write_text(text)
        assert message in lint()[0].message
    Path("r.toml").unlink()
    assert "no such file" in lint()[0].message


def test_signs_of_dependent_cases_are_warnings(project):
    rows = [
        {"id": "conv-1-1", "input": "How long?"},
        {"id": "conv-1-2", "input": "how  LONG"},
        {"id": "x1", "input": "p", "context": [{"id": "d", "text": "same"}]},
        {"id": "x2", "input": "q", "context": [{"id": "d", "text": "same"}]},
        {"id": "y1", "input": "twin", "cluster": "k"},
        {"id": "y2", "input": "twin", "cluster": "k"},
        {"id": "z1", "input": "twin", "deprecated": "old"},
    ]
    write("s.jsonl", *rows)
    lint(fix=True)
    found = lint()
    assert said(found) == [
        "s.jsonl:2: input: warning: conv-1-2 reads like conv-1-1 (line 1), but counts as another unit",
        "s.jsonl: cluster: warning: 2 ids share 1 numbered prefixes such as conv-1, and no cluster is declared",
        "s.jsonl: cluster: warning: 2 cases share their context with another, and no cluster is declared",
    ]
    assert not any(finding.counts for finding in found)


def test_independent_cases_raise_no_doubt(project):
    write("s.jsonl", *({"id": f"refund-{i:03}", "input": f"question {i}", "context": [f"page {i}"]} for i in range(50)))
    assert look_at_set(Path("s.jsonl"), fix=False).findings == []


def test_a_conflict_with_no_readable_side_is_left_to_a_person(project):
    text = "<<<<<<< a\n= broken\n=======\n= broken too\n>>>>>>> b\n"
    Path("evalh.lock").write_text(text)
    (found,) = lint(fix=True)
    assert found.message.startswith("not TOML")
    assert found.counts
    assert Path("evalh.lock").read_text() == text
