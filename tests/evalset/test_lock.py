import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import EvalSetError
from evalharness.evalset import lock as lock_module
from evalharness.evalset.lock import (
    Lock,
    LockedRubric,
    LockedSet,
    Source,
    lock_set,
    lock_text,
    read_lock,
    read_sides,
    set_facts,
    write_lock,
)

CASES = [Case(id=f"c{number}", input=str(number)) for number in range(10, 30)]
texts = st.text(st.characters(codec="utf-8"), max_size=20)
sources = st.builds(Source, origin=texts, revision=texts, sha256=texts, importer=texts)
sets = st.builds(
    LockedSet,
    version=st.just("1.2.3"),
    n=st.integers(0, 10**9),
    deprecated=st.integers(0, 9),
    digest=texts,
    cases=st.just(set_facts(CASES).cases),
    source=st.none() | sources,
)
rubrics = st.builds(LockedRubric, version=st.integers(0, 99), n=st.integers(0, 99), digest=texts)


@given(st.builds(Lock, evalsets=st.dictionaries(texts, sets), rubrics=st.dictionaries(texts, rubrics)))
def test_a_lock_survives_writing_and_reading(lock):
    assert lock_module._parse(lock_text(lock), "x") == lock


def entry(cases, previous=(), earlier=None):
    return lock_set(lambda: cases, previous=previous, earlier=earlier)


def test_the_lock_is_sorted_toml(tmp_path):
    first, _ = entry(CASES)
    lock = Lock(evalsets={"z": first, "a b": first}, rubrics={"r": LockedRubric(version=2, digest="ff")})
    write_lock(tmp_path / "evalh.lock", lock)
    text = (tmp_path / "evalh.lock").read_text()
    data = tomllib.loads(text)
    assert list(data["evalsets"]) == ["a b", "z"]
    assert data["evalsets"]["z"]["version"] == "1.0.0"
    assert data["evalsets"]["z"]["n"] == 20
    assert data["rubrics"]["r"] == {"version": 2, "n": 0, "digest": "ff"}
    assert read_lock(tmp_path / "evalh.lock") == lock


def test_the_digest_is_that_of_the_eval_set():
    gone = Case(id="d1", input="x", deprecated="old")
    facts = set_facts([*CASES, gone])
    assert facts.digest == EvalSet(name="s", cases=[gone, *reversed(CASES)]).digest
    assert (facts.n, facts.deprecated) == (20, 1)
    with pytest.raises(ValueError, match="c10 comes after c29"):
        set_facts([*CASES, CASES[0]])


def test_versions_follow_from_the_lock_alone():
    one, first = entry(CASES)
    assert (one.version, first) == ("1.0.0", None)
    same, changed = entry(CASES, [one])
    assert same == one
    assert changed is not None
    assert changed.bump == "none"
    two, changed = entry([*CASES, Case(id="d", input="new")], [one])
    assert (two.version, changed.summary(two.version)) == ("1.1.0", "+1 case -> 1.1.0")
    three, changed = entry([Case(id="c10", input="edited"), *CASES[1:]], [two])
    assert three.version == "2.0.0"
    assert (changed.edited, len(changed.removed)) == ({"c10": ()}, 1)


def test_the_old_cases_name_the_fields_when_they_are_known():
    one, _ = entry(CASES)
    edited = [Case(id="c10", input="edited"), *CASES[1:]]
    _, changed = entry(edited, [one], earlier=CASES)
    assert changed.edited == {"c10": ("input",)}
    _, changed = entry(edited, [one], earlier=CASES[1:])  # not the locked state: fingerprints win
    assert changed.edited == {"c10": ()}


def test_big_sets_keep_no_fingerprint_and_need_the_old_file(monkeypatch):
    monkeypatch.setattr(lock_module, "MAX_FINGERPRINTS", 19)
    one, _ = entry(CASES)
    assert one.cases == ()
    more = [*CASES, Case(id="d", input="new")]
    known, changed = entry(more, [one], earlier=CASES)
    assert (known.version, changed.bump) == ("1.1.0", "minor")
    unknown, changed = entry(more, [one])
    assert (unknown.version, changed) == ("2.0.0", None)


def test_two_sides_of_a_conflict_give_the_higher_version():
    base, _ = entry(CASES)
    ours, _ = entry([*CASES, Case(id="d", input="ours")], [base])
    theirs, _ = entry([Case(id="c10", input="edited"), *CASES[1:]], [base])
    merged = [Case(id="c10", input="edited"), *CASES[1:], Case(id="d", input="ours")]
    entry_, changed = entry(merged, [ours, theirs])
    assert (ours.version, theirs.version, entry_.version) == ("1.1.0", "2.0.0", "2.1.0")
    assert changed.summary() == "+1 case"


def test_the_source_of_an_import_stays():
    one, _ = entry(CASES)
    source = Source(origin="a.csv", sha256="00")
    from dataclasses import replace

    two, _ = entry([*CASES, Case(id="d", input="new")], [replace(one, source=source)])
    assert two.source == source


def test_a_version_is_marked_when_the_set_is_another_now():
    one, _ = entry(CASES)
    lock = Lock(evalsets={"s": one})
    assert lock.version_of("s", one.digest) == "1.0.0"
    assert lock.version_of("s", "other") == "1.0.0+edited"
    assert lock.version_of("t", one.digest) == ""


def conflict(ours, theirs, base=None):
    def body(lock):
        return lock_text(lock).split("lock = 1\n")[1]

    middle = f"||||||| base\n{body(base)}" if base else ""
    head = lock_text(Lock())
    return f"{head}<<<<<<< HEAD\n{body(ours)}{middle}=======\n{body(theirs)}>>>>>>> branch\n"


@pytest.mark.parametrize("with_base", [False, True])
def test_conflict_markers_are_found_and_both_sides_read(tmp_path, monkeypatch, with_base):
    monkeypatch.chdir(tmp_path)
    one, _ = entry(CASES)
    two, _ = entry(CASES[1:], [one])
    ours, theirs = Lock(evalsets={"s": one}), Lock(evalsets={"s": two})
    (tmp_path / "evalh.lock").write_text(conflict(ours, theirs, base=ours if with_base else None))
    with pytest.raises(EvalSetError) as caught:
        read_lock("evalh.lock")
    assert str(caught.value).split("\n")[0] == "evalh.lock:3: seen the conflict marker <<<<<<<, expected a merged lock"
    assert caught.value.code == "lock_conflict"
    assert read_sides("evalh.lock") == (ours, theirs)


def test_one_readable_side_is_enough_and_none_is_an_error(tmp_path):
    path = tmp_path / "evalh.lock"
    one, _ = entry(CASES)
    good = Lock(evalsets={"s": one})
    text = conflict(good, good)
    path.write_text(text.replace("=======\n", "=======\n= broken\n"))
    assert read_sides(path) == (good,)
    path.write_text("<<<<<<< a\n= broken\n=======\n= broken too\n>>>>>>> b\n")
    with pytest.raises(EvalSetError, match="not TOML"):
        read_sides(path)


def test_no_lock_is_an_empty_lock(tmp_path):
    assert read_lock(tmp_path / "evalh.lock") == Lock()
    assert read_sides(tmp_path / "evalh.lock") == (Lock(),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a = ", "not TOML"),
        (b"\xff", "cannot be read"),
        (b"lock = 2", "seen lock format 2, expected 1"),
        (b"[evalsets.s]\nversion = '1.0'\nn = 1\ndigest = ''", "is not a version"),
        (b"[evalsets.s]\nversion = 1\nn = 1\ndigest = ''", "an entry that evalh did not write"),
        (b"[evalsets.s]\nversion = '1.0.0'\nn = 1\ndigest = ''\nextra = 1", "an entry that evalh did not write"),
        (b"[evalsets.s]\nversion = '1.0.0'\nn = 1\ndigest = ''\ncases = ['QUJD']", "multiple of 15"),
        (b"evalsets = 3", "an entry that evalh did not write"),
    ],
)
def test_a_broken_lock_is_refused(tmp_path, data, message):
    (tmp_path / "evalh.lock").write_bytes(data)
    with pytest.raises(EvalSetError, match=message):
        read_lock(tmp_path / "evalh.lock")
