import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.evalset.versions import Changes, Fingerprint, changes, next_version, version_key

OLD = [
    Case(id="a", input="x", target="1"),
    Case(id="b", input="y", tags=("t",)),
    Case(id="c", input="z"),
    Case(id="d", input="w", deprecated="old"),
]


def changed(**edits):
    """OLD with some cases replaced, dropped (None) or added."""
    cases = {case.id: case for case in OLD} | edits
    return [case for case in cases.values() if case is not None]


SCENES = [
    (changed(), "none", "unchanged"),
    (changed(b=Case(id="b", input="y", tags=("u",))), "patch", "1 described"),
    (changed(b=Case(id="b", input="y", tags=("t",), weight=2, cluster="k", metadata={"m": 1})), "patch", "1 described"),
    (changed(d=Case(id="d", input="w", deprecated="older")), "patch", "1 described"),
    (changed(d=Case(id="d", input="other", deprecated="old")), "patch", "1 described"),
    (changed(e=Case(id="e", input="new")), "minor", "+1 case"),
    (changed(a=Case(id="a", input="x", target="1", deprecated="why")), "minor", "1 deprecated"),
    (changed(d=Case(id="d", input="w")), "minor", "1 asked again"),
    (changed(c=None), "major", "-1 case"),
    (changed(d=None), "major", "-1 case"),
    (changed(a=Case(id="a", input="x", target="2")), "major", "1 target edited (a)"),
    (changed(a=Case(id="a", input="x", target=1)), "major", "1 target edited (a)"),
    (changed(a=Case(id="a", input="q", target="2")), "major", "1 input and target edited (a)"),
    (changed(a=Case(id="a", input="x", target="1", checks=({"use": "equals"},))), "major", "1 checks edited (a)"),
    (changed(a=Case(id="a", input="x", target="1", relevant={"d": 1})), "major", "1 relevant edited (a)"),
    (changed(a=Case(id="a", input="x", target="1", context=("c",))), "major", "1 context edited (a)"),
    (changed(c=None, C=Case(id="C", input="z")), "major", "+1 case, -1 case"),
]


@pytest.mark.parametrize(("new", "bump", "summary"), SCENES)
def test_every_change_moves_its_part_of_the_version(new, bump, summary):
    found = changes(OLD, new)
    assert (found.bump, found.summary()) == (bump, summary)


@pytest.mark.parametrize(("new", "bump", "summary"), SCENES)
def test_fingerprints_tell_the_same_without_the_old_cases(new, bump, summary):
    known, told = changes(OLD, new), Fingerprint.of(OLD).changes(new)
    assert told.bump == bump
    assert told.added == known.added
    assert told.deprecated == known.deprecated
    assert told.restored == known.restored
    assert told.described == known.described
    assert set(told.edited) == set(known.edited)
    assert len(told.removed) == len(known.removed)
    assert all(name.startswith("#") for name in told.removed)


def test_the_summary_of_everything_at_once():
    old = [Case(id=name, input=name) for name in "abcdefgh"]
    new = [Case(id=name, input=name.upper()) for name in "abcde"]
    new += [Case(id="f", input="f", deprecated="x"), Case(id="g", input="g", tags=("t",)), Case(id="i", input="i")]
    found = changes(old, new)
    assert (
        found.summary("2.0.0")
        == "+1 case, -1 case, 5 input edited (a, b, c and 2 more), 1 deprecated, 1 described -> 2.0.0"
    )
    assert found.edited == dict.fromkeys("abcde", ("input",))
    assert (
        Fingerprint.of(old).changes(new).summary().startswith("+1 case, -1 case, 5 meaning edited (a, b, c and 2 more)")
    )


@given(st.sets(st.integers(0, 10**6), max_size=60), st.randoms())
def test_a_fingerprint_knows_no_order_and_loses_nothing(numbers, random):
    cases = [Case(id=f"c{number}", input=str(number)) for number in numbers]
    print_ = Fingerprint.of(cases)
    random.shuffle(cases)
    assert Fingerprint.of(cases) == print_
    assert print_.changes(cases) == Changes()
    assert Fingerprint(()).changes(cases).added == tuple(sorted(case.id for case in cases))


def test_one_added_case_moves_one_row():
    cases = [Case(id=f"c{number}", input=str(number)) for number in range(200)]
    before, after = Fingerprint.of(cases[:-1]).rows, Fingerprint.of(cases).rows
    assert len(set(before) ^ set(after)) in {1, 2}
    assert max(map(len, after)) < 400


@pytest.mark.parametrize("rows", [("%%%",), ("QUJD",)])
def test_damaged_fingerprints_are_refused(rows):
    with pytest.raises(ValueError, match=r"base64|multiple of 15"):
        Fingerprint(rows).changes(())


@pytest.mark.parametrize(
    ("version", "bump", "following"),
    [
        ("", "major", "1.0.0"),
        ("1.2.3", "none", "1.2.3"),
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("1.9.9", "minor", "1.10.0"),
    ],
)
def test_the_next_version(version, bump, following):
    assert next_version(version, bump) == following


@pytest.mark.parametrize("version", ["1", "1.2", "1.2.x", "1.2.-3", "1.2.3.4", "1.2.٣", "1.2." + "9" * 5000])
def test_what_is_no_version_is_refused(version):
    with pytest.raises(ValueError, match="is not a version"):
        version_key(version)
