import pytest

from evalharness.core.cases import Case
from evalharness.core.errors import UsageError
from evalharness.evalset.grow import propose, write_proposals
from evalharness.evalset.jsonl import read_cases, write_cases

CASES = [
    Case(id="a", input="How long?", target="30 days", metadata={"region": "eu"}),
    Case(id="b", input=[{"role": "user", "content": "Hi There."}], metadata={"region": "us"}, group="g", variant="v"),
    Case(id="c", input={"q": 1}),
    Case(id="d", input="x", deprecated="old"),
]


def test_variants_of_a_failed_case_join_its_group():
    found = propose(CASES, [("a", "exact: 0.0"), ("a", "judges disagree")])
    assert [(case.variant, case.input) for case in found.cases] == [
        ("lower-case", "how long?"),
        ("no-punctuation", "How long"),
        ("stray-spaces", " How  long? "),
        ("polite", "Could you please help me with this? How long?"),
        ("typos", "How ling?"),
    ]
    for case in found.cases:
        assert case.group == "a"
        assert case.target == "30 days"
        assert case.metadata["grown_from"] == "a"
        assert case.metadata["grown_why"] == "exact: 0.0; judges disagree"
        assert case.id.startswith("g-")
    assert found.notes == ()


def test_only_the_last_user_turn_changes_and_objects_give_none():
    found = propose(CASES, [("b", "why"), ("c", "why"), ("d", "why"), ("nope", "why")])
    assert {case.group for case in found.cases} == {"g"}
    assert found.cases[0].input[0]["content"] == "hi there."
    assert found.cases[0].variant == "v+lower-case"
    assert found.notes == ("d: no living case has this id", "nope: no living case has this id")


def test_what_the_set_has_is_not_proposed():
    known = [*CASES, Case(id="z", input="how long?", target="30 days")]
    assert [case.variant for case in propose(known, [("a", "why")]).cases] == [
        "no-punctuation",
        "stray-spaces",
        "polite",
        "typos",
    ]


def test_thin_slices_are_filled_from_a_pool_or_named():
    pool = [
        Case(id="p1", input="new eu", metadata={"region": "eu"}),
        Case(id="p2", input="How long?", target="30 days", metadata={"region": "eu"}),
        Case(id="p3", input="other", metadata={"region": "asia"}),
    ]
    found = propose(CASES, [], slices=["region"], minimum=3, pool=pool)
    assert [case.metadata["grown_from"] for case in found.cases] == ["p1"]
    assert found.cases[0].metadata["grown_why"] == "slice region=eu has 1 of 3 cases"
    assert found.notes == (
        "slice region=eu has 1 of 3 cases: 1 are to be written or imported",
        "slice region=us has 1 of 3 cases: 2 are to be written or imported",
    )


def test_proposals_go_to_their_own_file_once(tmp_path):
    path = tmp_path / "s.jsonl"
    write_cases(path, CASES)
    before = path.read_bytes()
    out, count = write_proposals(path, propose(CASES, [("a", "why")]))
    assert (out.name, count) == ("s.proposed.jsonl", 5)
    again, count = write_proposals(path, propose(CASES, [("a", "why"), ("b", "why")]))
    assert count == 4  # "Hi There." has no word that may be mistyped
    assert len(list(read_cases(again))) == 9
    assert write_proposals(path, propose(CASES, [("a", "why")]))[1] == 0
    assert path.read_bytes() == before
    with pytest.raises(UsageError, match="holds proposals"):
        write_proposals(again, propose(CASES, []))


def test_nothing_new_writes_no_file(tmp_path):
    out, count = write_proposals(tmp_path / "s.jsonl", propose(CASES, []))
    assert (count, out.exists()) == (0, False)
