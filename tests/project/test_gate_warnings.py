"""Every warning of a gate, from a project to the verdict, beside the same project without its cause."""

from __future__ import annotations

import json
import random
from string import ascii_lowercase

import pytest

from evalharness.project.comparing import Sides, compare
from evalharness.project.running import run_candidates
from tests.attacks.shop import Shop


def words(seed: int) -> str:
    """Twelve made-up words, the same for the same seed."""
    draws = random.Random(seed)
    return " ".join("".join(draws.choices(ascii_lowercase, k=5)) for _ in range(12))


def plain_cases(shop: Shop, n: int = 120, *, ids: str = "c{i:04d}", alike: int = 1) -> None:
    """Cases of random words, ``alike`` in a row with the same ones; the two arms differ on two of them."""
    names = [ids.format(i=i, a=i // 4, b=i % 4) for i in range(n)]
    shop.jsonl("s.jsonl", ({"id": name, "input": words(i // alike), "target": "yes"} for i, name in enumerate(names)))
    for file, wrong in (("old.jsonl", 3), ("new.jsonl", 4)):
        shop.jsonl(file, ({"id": name, "output": "no" if i == wrong else "yes"} for i, name in enumerate(names)))


@pytest.fixture
def shop(tmp_path) -> Shop:
    found = Shop(tmp_path)
    plain_cases(found)
    found.config()
    return found


def codes(verdict) -> set[str]:
    assert json.loads(json.dumps(verdict.to_json()))
    return {warned.code for warned in verdict.warnings}


def test_nothing_is_wrong_with_a_plain_gate(shop: Shop) -> None:
    assert codes(shop.gate()) == set()


def test_undeclared_clusters_by_their_ids(shop: Shop) -> None:
    plain_cases(shop, ids="doc{a}-q{b}")
    assert codes(shop.gate()) == {"clusters"}


def test_undeclared_clusters_by_their_inputs(shop: Shop) -> None:
    plain_cases(shop, alike=2)
    assert codes(shop.gate()) == {"near_duplicates"}


def test_an_order_seed_set_by_hand(shop: Shop) -> None:
    shop.config(gate='order_seed = "7"')
    assert codes(shop.gate()) == {"order_seed"}


def test_a_set_that_is_too_small_for_its_margin(shop: Shop) -> None:
    plain_cases(shop, 40)
    verdict = shop.gate()
    (warned,) = verdict.warnings
    assert warned.code == "too_small"
    assert warned.message == (
        "exact: 40 cases cannot show a margin of 5.0 points (that takes 59); "
        "the smallest margin they can show is 7.2 points"
    )
    assert verdict.exit_code in (0, 3)  # said, and never refused


def test_the_same_cases_looked_at_many_times(shop: Shop) -> None:
    for look in range(1, 11):
        shop.answers("new.jsonl", [i != 10 + look for i in range(120)])
        for verdict in (shop.gate(), shop.gate()):  # the same answers again are the same look
            notes = [note for note in verdict.notes if "at these cases" in note]
            assert notes == ([f"look {look} at these cases against this baseline"] if look > 1 else [])
            assert codes(verdict) == ({"many_looks"} if look >= 10 else set())


def test_two_finished_runs_are_compared_with_the_same_warnings(shop: Shop) -> None:
    plain_cases(shop, 40, ids="doc{a}-q{b}")
    text = (shop.root / "evalh.toml").read_text().replace("[scorers]", 'old = { recorded = "old.jsonl" }\n[scorers]')
    (shop.root / "evalh.toml").write_text(text)
    with shop.open() as workspace:
        for name in ("old", "bot"):
            run_candidates(workspace, [name], "s")
        comparison, in_force = compare(workspace, Sides(a="latest~1", b="latest", evalset="s"))
    assert in_force
    assert codes(comparison.gate) == {"clusters", "too_small"}
    assert comparison.gate.outcome == "inconclusive"
    assert any("if every inconclusive result were merged" in note for note in comparison.gate.notes)
