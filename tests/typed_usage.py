"""Never run: `mypy tests/typed_usage.py` reads it as a user's editor would. Each ignored line is a mistake that the types must catch
(a strict mypy complains about an ignore that is not needed)."""

from __future__ import annotations

from pathlib import Path

import evalharness as eh
from evalharness import stats


def answer(case: eh.Case) -> str:
    return str(case.input)


def values(folder: Path) -> float:
    evalset: eh.EvalSet = eh.load_evalset(folder / "qa.jsonl")
    case: eh.Case = next(iter(evalset.cases))
    score = eh.score({"use": "rougeL"}, output="thirty days", case=case)
    print(score.value)  # type: ignore[union-attr]  # it may be Unscored: absence is a type
    if isinstance(score, eh.Unscored):
        return 0.0
    passed: bool | None = score.passed
    score.value = 1.0  # type: ignore[misc]  # values are frozen
    return score.value if passed is None else float(passed)


def verdicts() -> int:
    verdict: eh.Verdict = eh.gate("support")
    verdict = eh.gate(answer, evalset="docs", baseline="bm25", limits={"recall": 0.01, "exact": {"every": True}})
    comparison: eh.Comparison = eh.compare("old.jsonl", "new.jsonl", evalset="qa.jsonl", scorers=["exact_match"])
    run: eh.Run = eh.evaluate("bot", "support")
    eh.gate("support", margin=0.1)  # type: ignore[call-arg]
    eh.compare("old.jsonl", "new.jsonl", "qa.jsonl")  # type: ignore[call-arg]  # keyword-only beyond two
    print(comparison, run)
    return verdict.exit_code


async def twins() -> eh.Verdict:
    run: eh.Run = await eh.aio.evaluate("bot", "support")
    print(run)
    wrong: eh.Verdict = eh.aio.gate("support")  # type: ignore[assignment]  # forgotten await
    print(wrong)
    return await eh.aio.gate("support")


def numbers(differences: list[float]) -> tuple[float, float]:
    decision: eh.Decision = eh.decide(differences, 0.05, 200)
    decision = stats.decide(differences, 0.05, 200, alpha_pass=0.05, method="exact", proven_drop="stop")
    stats.decide(differences, 0.05)  # type: ignore[call-arg]
    bet = stats.Betting("pass", -0.05, 0.0)
    log_e: float = bet.update(0.1)
    needed: int = stats.min_cases(0.05)
    print(decision.verdict, log_e, needed, stats.permutation(["a", "b"], 7))
    return stats.interval(differences, 0.05)


def faults() -> None:
    try:
        eh.gate("support")
    except eh.Refused as error:
        print(error.exit_code, error.where)
    except eh.EvalhError as error:
        print(error.exit_code)
