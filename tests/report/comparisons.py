"""Comparisons for report tests, judged by the real judge, with answers that the caller chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from evalharness.core.cases import Case
from evalharness.core.results import CallCounts, CaseResult, Failure, Output, Score, Trial, Unscored
from evalharness.core.verdicts import Comparison, GateVerdict, Verdict
from evalharness.project.gating import together
from evalharness.verdict.conclusion import Ending, conclude
from tests.verdict.arms import Facts, feed, gate, judge, limit

EXACT = Facts(name="exact")
LONG = "faithfulness_to_the_cited_policy_document"


def arm(
    cases: Sequence[Case], values: Mapping[str, Sequence[float | bool | None]], answers: Callable[[int], str]
) -> dict[str, CaseResult]:
    """Results with a score of each scorer and an answer per case; None is not scored."""
    found = {}
    for index, case in enumerate(cases):
        scores = {}
        for name, column in values.items():
            value = column[index]
            if value is None:
                scores[name] = Unscored(reason="does not apply")
            elif isinstance(value, bool):
                scores[name] = Score(value=float(value), passed=value, reason="" if value else "expected 30 days")
            else:
                scores[name] = Score(value=value, reason="how it reads")
        output = Output(text=answers(index), latency_s=0.5, cost_usd=0.001, usage={"prompt_tokens": 12})
        trial = Trial(case_id=case.id, output=output, scores=scores)
        found[case.id] = CaseResult(case_id=case.id, case_digest=case.digest, trials=(trial,))
    return found


@cache
def compared(
    *,
    n: int = 200,
    lost: int = 40,
    before: str = "You have 30 days from delivery.",
    after: str = "You can return it any time.",
    name: str = "exact",
    hard_flips: int = 0,
    region: Sequence[str] = ("eu", "us"),
    candidate: str = "prompt-v2",
    reason: str = "",
    **fields: object,
) -> Comparison:
    """A gate over ``n`` cases of which the first ``lost`` flip from right to wrong."""
    cases = tuple(
        Case(
            id=f"refund-{i:03d}",
            input=f"How long? {i} {after}",
            target="30 days",
            metadata={"region": region[i % len(region)]},
        )
        for i in range(n)
    )
    scorers = [Facts(name=name), Facts(name="rouge", use="rougeL", signature="rougeL|stemmer:false", binary=False)]
    limits = [limit(name, margin=0.05), limit("rouge", margin=None, role="report")]
    old = {name: [True] * n, "rouge": [0.8] * n}
    new: dict[str, list[float | bool | None]] = {
        name: [i >= lost for i in range(n)],
        "rouge": [0.8 - 0.001 * (i % 7) for i in range(n)],
    }
    if hard_flips:
        scorers.append(Facts(name="no_pii", use="absent", signature="absent|1"))
        limits.append(limit("no_pii", margin=None, every=True))
        old["no_pii"] = [True] * n
        new["no_pii"] = [i >= hard_flips for i in range(n)]
    baseline = arm(cases, old, lambda i: before)
    results = arm(cases, new, lambda i: after)
    judged = judge(
        cases, baseline, gate(*limits, stop="never"), scorers=scorers, recorded=True, slice_fields=("region",)
    )
    feed(judged, results)
    verdict = conclude(judged, Ending(run="7f3a" * 5, calls=CallCounts(planned=n, made=n, cost_usd=0.41), seconds=38.0))
    verdict = replace(
        verdict,
        gate="support",
        evalset={"name": "support", "version": "1.0.0", "digest": "e" * 64},
        candidate={"name": candidate, "digest": "c" * 64},
        baseline={
            "name": "main",
            "digest": "b" * 64,
            "created": "2026-11-12T10:00:00Z",
            "commit": "3f2c1ab" + "0" * 33,
        },
        reason=reason or verdict.reason,
        **fields,  # type: ignore[arg-type]
    )
    return Comparison(
        gate=verdict,
        cases={case.id: case for case in judged.order()},
        baseline=baseline,
        candidate=results,
        paths=judged.paths(),
        chances=judged.chances,
    )


def failed(comparison: Comparison, case_id: str) -> Comparison:
    """The same with one lost answer."""
    lost = Failure(stage="candidate", kind="timeout", message="no answer in 60 s")
    old = comparison.candidate[case_id]
    trial = replace(old.trials[0], output=lost, scores={})
    return replace(comparison, candidate={**comparison.candidate, case_id: replace(old, trials=(trial,))})


def refused(**fields: object) -> Comparison:
    """A gate that was never judged."""
    error = {
        "code": "baseline_missing",
        "message": "no stored baseline yet",
        "where": "reports/baselines/support.jsonl",
        "tip": "make one from the code you trust, then commit it: evalh promote --why TEXT",
    }
    values = {"gate": "support", "outcome": "refused", "reason": error["message"], "error": error, **fields}
    return Comparison(gate=GateVerdict(**values))  # type: ignore[arg-type]


def told(*comparisons: Comparison) -> tuple[Verdict, list[Comparison]]:
    """The command's verdict and its gates, as every report takes them."""
    return together([comparison.gate for comparison in comparisons]), list(comparisons)
