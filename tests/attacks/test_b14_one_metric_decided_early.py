"""B14: one metric passes early by luck and gets no more looks while the others go on.

Harmless: a stopped martingale is a martingale, PASS is an intersection, and what is merged is frozen at the stop.
"""

from __future__ import annotations

from evalharness.verdict.conclusion import Ending, conclude
from tests.verdict.arms import Facts, cases, feed, gate, judge, limit, merged, results

N = 400
FACTS = [Facts(name=name, signature=name, binary=False) for name in ("lucky", "slow")]


def run(lucky_end: float, slow_end: float):
    some = cases(N)
    before = merged(results(some, [0.5] * N, "lucky"), results(some, [0.5] * N, "slow"))
    judged = judge(some, before, gate(limit("lucky"), limit("slow")), scorers=FACTS)
    order = [case.id for case in judged.order()]
    early = set(order[:150])
    noisy = [0.5 + (0.3 if i % 2 else -0.3) if case.id in early else slow_end for i, case in enumerate(some)]
    lucky = [0.6 if case.id in early else lucky_end for case in some]
    after = merged(results(some, lucky, "lucky"), results(some, noisy, "slow"))
    return judged, feed(judged, after)


def test_the_gate_passes_only_when_all_have_passed() -> None:
    judged, _ = run(0.6, 0.47)
    lucky, slow = judged.guards()
    assert lucky.decided == "pass"
    frozen = lucky.engine.log_e_now.pass_  # type: ignore[union-attr]
    assert slow.decided != "pass" or judged.all_passed
    verdict = conclude(judged, Ending())
    assert (verdict.outcome == "pass") == all(s.outcome == "pass" for s in verdict.scorers)
    assert lucky.engine.log_e_now.pass_ == frozen  # type: ignore[union-attr]


def test_an_early_pass_is_no_pass_of_the_gate_while_another_fails() -> None:
    judged, _ = run(0.6, 0.1)
    assert judged.guards()[0].decided == "pass"
    assert conclude(judged, Ending()).outcome == "regression"
