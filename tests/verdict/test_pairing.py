from __future__ import annotations

import hashlib

import pytest

from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import BaselineError
from evalharness.verdict.pairing import Pairing, check_pairing, grouped, order_seed, pair, units_in_order
from tests.verdict.arms import Facts, GroupFacts, cases, result, results


def test_cases_are_paired_by_id_and_guarded_by_digest() -> None:
    old = cases(10)
    stored = results(old, [True] * 10)
    now = [
        *old[:6],
        Case(id="c0006", input="another question"),
        Case(id="c0007", input="q", metadata={"region": "eu"}, tags=("new",)),
        Case(id="c0008", input="q", deprecated="policy changed"),
        Case(id="new", input="q"),
    ]
    found = pair(EvalSet(name="s", cases=now), stored)
    assert [case.id for case in found.paired] == [f"c{i:04d}" for i in (0, 1, 2, 3, 4, 5, 7)]
    assert found.edited == ("c0006",)
    assert found.added == ("new",)
    assert found.removed == ("c0008", "c0009")
    assert found.changed_share == pytest.approx(0.3)


def test_too_many_changes_are_refused_with_the_names() -> None:
    found = Pairing(paired=cases(9), edited=("x",))
    check_pairing(found, max_changed=0.1, where="b")
    with pytest.raises(BaselineError, match=r"1 cases edited and 0 removed.*10\.0%.*: x"):
        check_pairing(found, max_changed=0.05, where="b")
    with pytest.raises(BaselineError, match="no case"):
        check_pairing(Pairing(paired=()), max_changed=1.0, where="b")
    assert Pairing(paired=()).changed_share == 0.0


def test_the_order_seed_is_the_documented_hash_and_knows_no_candidate() -> None:
    expected = hashlib.sha256(b"evalh-order-v1\x1fset\x1frun\x1fpr").hexdigest()
    assert order_seed("set", "run", "pr") == expected


def test_single_cases_are_ordered_by_their_plain_ids() -> None:
    some = cases(50)
    expected = sorted(some, key=lambda c: hashlib.sha256(b"seed\x1f" + c.id.encode()).hexdigest())
    assert [unit.cases[0].id for unit in units_in_order(some, "seed")] == [c.id for c in expected]


def test_units_keep_clusters_and_groups_together() -> None:
    some = (
        Case(id="a", input="q", cluster="k", weight=2.0),
        Case(id="b", input="q"),
        Case(id="c", input="q", cluster="k"),
        Case(id="d", input="q", group="g"),
        Case(id="e", input="q", group="g", variant="typo"),
    )
    units = {unit.name: unit for unit in units_in_order(some, "s")}
    assert {name: [c.id for c in unit.cases] for name, unit in units.items()} == {
        "cluster:k": ["a", "c"],
        "b": ["b"],
        "group:g": ["d", "e"],
    }
    assert units["cluster:k"].weight == 3.0


def test_a_result_of_another_digest_is_edited() -> None:
    case = Case(id="a", input="q", target="x")
    stored = {"a": result(Case(id="a", input="q", target="y"), True)}
    assert pair(EvalSet(name="s", cases=(case,)), stored).edited == ("a",)


def member(name: str, group: str | None, question: str = "q", **fields: object) -> Case:
    return Case(id=name, input=question, group=group, **fields)


def test_a_group_with_a_changed_member_is_another_test_as_a_whole() -> None:
    old = [member(f"{group}{i}", group) for group in ("same", "edit", "add", "cut", "gone", "off") for i in range(2)]
    stored = results([*old, member("single", None)], [True] * 13)
    now = [
        *(case for case in old if case.id not in ("edit1", "cut1", "gone1")),
        member("edit1", "edit", "another question"),
        member("add2", "add"),
        member("cut1", "cut", deprecated="policy changed"),
        member("off2", "off", deprecated="never answered"),
        member("single", None),
    ]
    evalset = EvalSet(name="s", cases=now)
    plain = pair(evalset, stored)
    whole = pair(evalset, stored, whole_groups=True)
    assert {case.id for case in plain.paired} - {case.id for case in whole.paired} == {"edit0", "add0", "add1", "cut0"}
    assert [case.id for case in whole.paired] == ["same0", "same1", "gone0", "off0", "off1", "single"]
    assert whole.edited == ("edit0", "add0", "add1", "cut0", "edit1")
    assert (plain.edited, whole.added, whole.removed) == (("edit1",), ("add2",), plain.removed)


def test_only_a_scorer_of_groups_asks_for_whole_groups() -> None:
    assert not grouped([Facts()])  # type: ignore[list-item]
    assert grouped([Facts(), GroupFacts()])  # type: ignore[list-item]
