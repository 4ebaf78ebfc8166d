from evalharness.core.cases import Case
from evalharness.evalset.diff import diff_cases
from evalharness.evalset.jsonl import read_cases


def test_a_diff_names_every_field():
    old = [
        Case(id="a", input="x", target="30 days"),
        Case(id="b", input="y"),
        Case(id="c", input="z"),
        Case(id="s", input="s"),
    ]
    new = [
        Case(id="d", input="n"),
        Case(id="c", input="z", deprecated="policy", tags=("t",)),
        Case(id="a", input="x", target="14 dayś"),
        Case(id="s", input="s"),
    ]
    diff = diff_cases(old, new, old_name="main:s.jsonl", new_name="s.jsonl")
    assert list(diff.lines()) == [
        "main:s.jsonl .. s.jsonl: +1 case, -1 case, 1 target edited (a), 1 deprecated",
        "  + d",
        "  - b",
        '  ~ a target: "30 days" -> "14 dayś"',
        '  ~ c tags: (none) -> ["t"]',
        '  ~ c deprecated: (none) -> "policy"',
    ]
    assert diff.to_json() == {
        "old": "main:s.jsonl",
        "new": "s.jsonl",
        "summary": "+1 case, -1 case, 1 target edited (a), 1 deprecated",
        "bump": "major",
        "added": ["d"],
        "removed": ["b"],
        "deprecated": ["c"],
        "restored": [],
        "edited": {"a": ["target"]},
        "described": [],
        "fields": [
            {"id": "a", "field": "target", "before": "30 days", "after": "14 dayś"},
            {"id": "c", "field": "tags", "before": None, "after": ["t"]},
            {"id": "c", "field": "deprecated", "before": None, "after": "policy"},
        ],
    }


def test_number_kinds_differ_and_equal_sets_do_not():
    old, new = [Case(id="a", input="x", target=1)], [Case(id="a", input="x", target=1.0)]
    assert list(diff_cases(old, new, old_name="o", new_name="n").lines()) == [
        "o .. n: 1 target edited (a)",
        "  ~ a target: 1 -> 1.0",
    ]
    assert list(diff_cases(old, old, old_name="o", new_name="n").lines()) == ["o .. n: unchanged"]


def test_what_git_had_is_read_from_bytes(tmp_path):
    content = b'{"id":"a","input":"old"}\n'
    path = tmp_path / "s.jsonl"
    path.write_bytes(b'{"id":"a","input":"new"}\n')
    diff = diff_cases(read_cases("s.jsonl", content=content), read_cases(path), old_name="o", new_name="n")
    assert diff.changes.edited == {"a": ("input",)}
