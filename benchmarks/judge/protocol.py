"""What judging protocols do to a paired gate: false blocks, power, calls a case.

    python benchmarks/judge/protocol.py [--runs 20000] [--out FILE]

200 cases, true pass rate 0.85, a judge that flips 1 % of the verdicts on four fifths of the cases and 25 % on the others,
alike in both arms; exact one-sided sign test at 5 %. Power and calls are those of a true loss of 8 points. The protocol
that ships is also walked through by the code that ships, verdict by verdict (``as_shipped``), before it is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

CASES, PASS_RATE, LOSS, ALPHA = 200, 0.85, 0.08, 0.05
FLIPS = ((0.8, 0.01), (0.2, 0.25))
"""(share of cases, share of verdicts that flip)."""

Array = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Verdicts of many runs: runs x cases x repeats, for either arm."""

    baseline: Array
    candidate: Array
    unchanged: Array
    """Runs x cases: outputs that are the same in both arms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a protocol makes of them."""

    baseline: Array
    candidate: Array
    calls: Array
    """Per run and case."""


def draw(runs: int, *, loss: float, unchanged: float, seed: int) -> Draws:
    """Truths and verdicts.

    Args:
        runs: Simulated gates.
        loss: True loss, in share of all cases; it falls on passing cases whose output changed.
        unchanged: Share of outputs that are byte for byte the same in both arms.
        seed: Of the generator.
    """
    rng = np.random.default_rng(seed)
    shape = (runs, CASES)
    true = rng.random(shape) < PASS_RATE
    same = rng.random(shape) < unchanged
    lost = true & ~same & (rng.random(shape) < loss / PASS_RATE / (1 - unchanged))
    flip = np.where(rng.random(shape) < FLIPS[0][0], FLIPS[0][1], FLIPS[1][1])[..., None]
    turned = [rng.random((*shape, 5)) < flip for _ in range(2)]
    return Draws(baseline=true[..., None] ^ turned[0], candidate=(true & ~lost)[..., None] ^ turned[1], unchanged=same)


def majority(verdicts: Array, repeats: int) -> Array:
    """The vote of the first verdicts."""
    return verdicts[..., :repeats].sum(axis=-1) * 2 > repeats


def each(baseline: int, candidate: int) -> Callable[[Draws], Judged]:
    """A fixed number of judgements in either arm."""

    def judge(draws: Draws) -> Judged:
        calls = np.full(draws.unchanged.shape, baseline + candidate)
        return Judged(
            baseline=majority(draws.baseline, baseline), candidate=majority(draws.candidate, candidate), calls=calls
        )

    return judge


def ours(draws: Draws) -> Judged:
    """Equal outputs reuse the verdict; else one each, and where they differ two more in both arms."""
    first, second = draws.baseline[..., 0], np.where(draws.unchanged, draws.baseline[..., 0], draws.candidate[..., 0])
    again = first != second
    calls = 2 - draws.unchanged + 4 * again
    return Judged(
        baseline=np.where(again, majority(draws.baseline, 3), first),
        candidate=np.where(again, majority(draws.candidate, 3), second),
        calls=calls,
    )


def confirm_regressions(draws: Draws) -> Judged:
    """One each, and two more for the candidate where it looks worse: prudent to the eye."""
    first, second = draws.baseline[..., 0], draws.candidate[..., 0]
    again = first & ~second
    return Judged(baseline=first, candidate=np.where(again, majority(draws.candidate, 3), second), calls=2 + 2 * again)


PROTOCOLS: Mapping[str, tuple[Callable[[Draws], Judged], float]] = {
    "1 each": (each(1, 1), 0.0),
    "3 each": (each(3, 3), 0.0),
    "5 each": (each(5, 5), 0.0),
    "ours: 1, then 3 where they differ, both arms": (ours, 0.0),
    "ours, half of the outputs unchanged": (ours, 0.5),
    "3 for the baseline, 1 for the candidate": (each(3, 1), 0.0),
    "1, then confirm only the regressions": (confirm_regressions, 0.0),
}
"""Name -> (protocol, share of outputs that are unchanged)."""

STATED: Mapping[str, tuple[float, float | None, float]] = {
    "1 each": (0.032, 0.79, 2),
    "3 each": (0.025, 0.90, 6),
    "5 each": (0.017, 0.96, 10),
    "ours: 1, then 3 where they differ, both arms": (0.015, 0.94, 2.6),
    "ours, half of the outputs unchanged": (0.005, 0.98, 1.9),
    "3 for the baseline, 1 for the candidate": (0.178, None, 4),
    "1, then confirm only the regressions": (0.001, 0.51, 2.2),
}
"""(false blocks, power, calls a case) that the specification states."""


def blocks(judged: Judged) -> Array:
    """Runs that an exact one-sided sign test at ``ALPHA`` blocks."""
    worse = (judged.baseline & ~judged.candidate).sum(axis=1)
    better = (~judged.baseline & judged.candidate).sum(axis=1)
    return worse >= least_losses()[worse + better]


def least_losses() -> Array:
    """Fewest losses among n discordant pairs at which P(Binomial(n, 1/2) >= losses) <= ALPHA; n + 1 where none is enough."""
    least = []
    for n in range(CASES + 1):
        tail, losses = 0.0, n + 1
        for count in range(n, -1, -1):
            tail += math.comb(n, count) / 2**n
            if tail > ALPHA:
                break
            losses = count
        least.append(losses)
    return np.array(least)


def measure(name: str, runs: int, *, seed: int = 2026) -> tuple[float, float, float]:
    """(false blocks, power, calls a case) of a protocol."""
    protocol, unchanged = PROTOCOLS[name]
    harmless = protocol(draw(runs, loss=0.0, unchanged=unchanged, seed=seed))
    worse = protocol(draw(runs, loss=LOSS, unchanged=unchanged, seed=seed + 1))
    return float(blocks(harmless).mean()), float(blocks(worse).mean()), float(worse.calls.mean())


# --- the code that ships ------------------------------------------------------------------------------------------------

RUBRIC = """evalh_rubric = 1
id = "r"
version = 1
title = "t"
uses = ["output"]
task = "t"
aggregate = { pass_score = 0.5 }
judge = { model = "m", seed = 0 }
[[criteria]]
id = "good"
type = "boolean"
ask = "Is it good?"
"""


def as_shipped(draws: Draws) -> Judged:
    """The first run of some draws, judged by ``evalharness.judging``: one case after the other, verdicts as drawn."""
    from evalharness.core.cases import Case
    from evalharness.core.results import CaseResult, Output, Score, Trial
    from evalharness.judging.judge import Judge
    from evalharness.judging.paired import PairedJudge
    from evalharness.judging.rubric_file import load_rubric
    from evalharness.judging.scorer import JudgeScorer
    from evalharness.judging.seat import Asker, Seat

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.toml"
        path.write_text(RUBRIC, encoding="utf-8")
        rubric = load_rubric(path)
    desk = _Desk(draws)
    judge = Judge(rubric, Asker(rubric.judge, digest="d", retries=0), [Seat(model="m", client=desk, host="h")])
    plain = JudgeScorer(judge, name="s", signature="s", finish=lambda result: result)
    plain.sit(desk)
    arm: dict[str, CaseResult] = {}
    paired = PairedJudge(plain, arm)
    paired.sit(desk)
    rows = []
    for number in range(CASES):
        case = Case(id=f"c{number}", input="q")
        old = Output(text=f"the baseline's answer {number}")
        new = old if draws.unchanged[0, number] else Output(text=f"the candidate's answer {number}")
        before = len(desk.asked)
        score = asyncio.run(plain.score_async(old, case, repeat=0))
        trial = Trial(case_id=case.id, output=old, scores={"s": score})
        arm[case.id] = CaseResult(case_id=case.id, case_digest=case.digest, trials=(trial,))
        mine = asyncio.run(paired.score_async(new, case, repeat=0))
        theirs = arm[case.id].trials[0].scores["s"]
        assert isinstance(mine, Score)
        assert isinstance(theirs, Score)
        rows.append((theirs.value == 1.0, mine.value == 1.0, len(desk.asked) - before))
    columns = [np.array(column)[None] for column in zip(*rows, strict=True)]
    return Judged(baseline=columns[0], candidate=columns[1], calls=columns[2])


class _Desk:
    """Endpoint, desk and store in one: gives the verdicts of the first run as they were drawn."""

    def __init__(self, draws: Draws) -> None:
        self.asked: list[str] = []
        self._draws = draws
        self._kept: dict[str, Any] = {}

    def find(self, key: str) -> Any:
        return self._kept.get(key)

    def keep(self, key: str, result: Any, *, case_id: str) -> None:
        del case_id
        self._kept[key] = result

    async def call(self, send: Any, request: Any, *, host: str, price: Any) -> Any:
        del host, price
        self.asked.append(request.case_id)
        return await send()

    async def chat(self, body: Mapping[str, Any], *, timeout_s: float) -> Any:
        from evalharness.core.results import Output

        del timeout_s
        text = body["messages"][-1]["content"]
        number = int(text.split(" answer ")[1].split('"')[0])
        side = self._draws.baseline if "the baseline's" in text else self._draws.candidate
        verdict = "met" if side[0, number, body["seed"]] else "not_met"
        return Output(text=json.dumps({"good": {"reason": "", "verdict": verdict}}), finish_reason="stop")

    async def close(self) -> None: ...


def table(runs: int) -> str:
    """All protocols, in Markdown."""
    lines = [
        "| protocol | false blocks | stated | power | stated | calls a case | stated |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for name, (block, power, calls) in STATED.items():
        ours_ = measure(name, runs)
        error = [math.sqrt(share * (1 - share) / runs) for share in ours_[:2]]
        stated = "-" if power is None else f"{power:.2f}"
        lines.append(
            f"| {name} | {ours_[0]:.4f} ± {error[0]:.4f} | {block:.3f} | {ours_[1]:.3f} ± {error[1]:.3f} | {stated} "
            f"| {ours_[2]:.2f} | {calls:g} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20000, help="simulated gates a cell (default 20,000)")
    parser.add_argument("--out", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    text = table(arguments.runs)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
