"""How fast: ratios between ours and the package, measured in one process in turns, in CPU time where one process works."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from texts import SEED, Pair, pairs, two_arms

from evalharness.core.cases import Case
from evalharness.core.results import Output
from evalharness.scorers import rouge_words
from evalharness.scorers.registry import build_scorer, spec_of

ROUNDS = 15
ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")


@dataclass(frozen=True, kw_only=True)
class Race:
    what: str
    theirs_us: float
    ours_us: float
    ratios: tuple[float, float, float]
    """Median, lowest and highest over the rounds."""
    largest: float
    """Difference of the values."""


def scorer(use: str, root: Path = Path(), **params: Any) -> Any:
    return build_scorer(spec_of({"use": use, **params}), root=root)


def timed(work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    work()
    return clock() - start


def race(
    what: str,
    theirs: Callable[[], Any],
    ours: Callable[[], Any],
    *,
    cases: int,
    largest: float,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.process_time,
) -> Race:
    seconds = [(timed(theirs, clock), timed(ours, clock)) for _ in range(rounds)]
    ratios = sorted(a / b for a, b in seconds)
    micro = 1e6 / cases
    return Race(
        what=what,
        theirs_us=min(a for a, _ in seconds) * micro,
        ours_us=min(b for _, b in seconds) * micro,
        ratios=(statistics.median(ratios), ratios[0], ratios[-1]),
        largest=largest,
    )


def forget_texts() -> None:
    rouge_words.reader(stemmer=True).forget()


def rouge() -> Iterator[Race]:
    """Each word alone and all four: on texts never seen before, and as in a gate, where two arms meet each reference."""
    for words, count in ((60, 60), (400, 12)):
        for title, data in (("two arms", two_arms(words, count // 2)), ("new texts", pairs(words, count))):
            for group in (*((word,) for word in ROUGE), ROUGE):
                yield _rouge(f"{words} words, {title}", data, group)


def _rouge(title: str, data: list[Pair], group: tuple[str, ...]) -> Race:
    from rouge_score.rouge_scorer import RougeScorer

    oracle = RougeScorer(list(group), use_stemmer=True)
    scorers = [scorer(word, stemmer=True) for word in group]

    def theirs() -> list[list[float]]:
        scores = [oracle.score(case.target, output.text) for output, case in data]
        return [[score[word].fmeasure for word in group] for score in scores]

    def ours() -> list[list[float]]:
        forget_texts()
        return [[one.score(output, case).value for one in scorers] for output, case in data]

    gap = max(abs(a - b) for one, other in zip(theirs(), ours(), strict=True) for a, b in zip(one, other, strict=True))
    name = group[0] if len(group) == 1 else "all four"
    return race(f"{name}, {title}", theirs, ours, cases=len(data), largest=gap)


def bertscore(folder: str) -> Iterator[Race]:
    import bert_score

    data = pairs(80, 48)
    outputs, targets = [o.text for o, _ in data], [c.target for _, c in data]
    oracle = bert_score.BERTScorer(model_type=folder, num_layers=6, device="cpu")
    oracle.score(outputs[:2], targets[:2])
    with TemporaryDirectory() as made:
        root = Path(made)
        (root / ".evalh").mkdir()
        kept = scorer("bertscore", root, model=folder)
        expected = oracle.score(outputs, targets)[2].tolist()
        gap = max(abs(r.value - v) for r, v in zip(kept.score_many(data), expected, strict=True))

        def theirs() -> Any:
            return oracle.score(outputs, targets)

        def first() -> Any:
            with TemporaryDirectory() as empty:
                return scorer("bertscore", Path(empty), model=folder).score_many(data)

        def again() -> Any:
            return scorer("bertscore", root, model=folder).score_many(data)

        yield race("bertscore, first run", theirs, first, cases=len(data), largest=gap, rounds=3)
        yield race("bertscore, run again (vectors on disk)", theirs, again, cases=len(data), largest=gap, rounds=3)


def side_by_side() -> Iterator[Race]:
    """BLEU and chrF of a batch: in this process, and by the pool that a run uses, on all cores."""
    from evalharness.project.scoring_pool import ScoringPool

    data = pairs(400, 240)
    for use in ("bleu", "chrf"):
        spec = spec_of({"use": use})
        one = build_scorer(spec, root=Path())
        pool = ScoringPool({use: spec}, root=Path())
        try:
            gap = max(
                abs(a.value - one.score(*pair).value) for a, pair in zip(pool.map_scores(one, data), data, strict=True)
            )
            yield race(
                f"{use}, 240 cases of 400 words, {pool.processes} processes",
                lambda one=one: [one.score(*pair) for pair in data],
                lambda one=one, pool=pool: pool.map_scores(one, data),
                cases=len(data),
                largest=gap,
                rounds=5,
                clock=time.perf_counter,
            )
        finally:
            pool.close()


ANSWER = "Returns are accepted within 14 days if the box is unopened. " * 4
CALL = {"function": {"name": "find", "arguments": '{"id": 7, "q": "harbour"}'}}
ASSERTIONS: dict[str, tuple[dict[str, Any], Output, dict[str, Any]]] = {
    "equals": ({}, Output(text=ANSWER), {"target": ANSWER}),
    "contains": ({"value": "14 days"}, Output(text=ANSWER), {}),
    "icontains_all": ({"value": ["14 DAYS", "box"]}, Output(text=ANSWER), {}),
    "starts_with": ({"value": "Returns"}, Output(text=ANSWER), {}),
    "ends_with": ({"value": "x"}, Output(text=ANSWER), {}),
    "regex": ({"pattern": r"\b[0-9]+ days\b"}, Output(text=ANSWER), {}),
    "absent": ({"pattern": "[0-9]{13,16}"}, Output(text=ANSWER), {}),
    "regex, in the worker": ({"use": "regex", "pattern": "(a+)+$"}, Output(text=ANSWER), {}),
    "is_json": ({}, Output(text=json.dumps({"a": [1, 2, 3], "b": ANSWER})), {}),
    "contains_json": ({}, Output(text=f"So: {json.dumps({'a': 1})} it is"), {}),
    "json_schema": (
        {"schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}},
        Output(text='{"a": 5, "b": "x"}'),
        {},
    ),
    "json_diff": ({}, Output(text='{"a": 5, "b": "x"}'), {"target": {"a": 5, "b": "y"}}),
    "word_count": ({"max": 50}, Output(text=ANSWER), {}),
    "levenshtein": ({}, Output(text=ANSWER), {"target": ANSWER[:200]}),
    "max_edits": ({"max": 5}, Output(text=ANSWER), {"target": ANSWER[:200]}),
    "exact_match": ({"case": False, "nfc": True}, Output(text=ANSWER), {"target": ANSWER}),
    "squad_em": ({}, Output(text=ANSWER), {"target": ANSWER}),
    "squad_f1": ({}, Output(text=ANSWER), {"target": ANSWER}),
    "number": ({}, Output(text=ANSWER + "#### 1,234.5"), {"target": 1234.5}),
    "label": ({"labels": ["yes", "no"]}, Output(text="I say: yes. " + ANSWER), {"target": "yes"}),
    "refusal": ({}, Output(text=ANSWER), {}),
    "finish_reason": ({}, Output(text=ANSWER, finish_reason="stop"), {}),
    "brier": ({}, Output(text='{"a": 0.7, "b": 0.3}'), {"target": "a"}),
    "ndcg": (
        {"k": 10},
        Output(documents=tuple(f"d{n}" for n in range(20))),
        {"relevant": {f"d{n}": 2 for n in range(0, 20, 3)}},
    ),
    "tool_calls": (
        {},
        Output(text="done", messages=({"role": "assistant", "tool_calls": [CALL] * 3},)),
        {"target": {"tools": [{"name": "find", "args": {"id": 7}, "match": "subset"}] * 3}},
    ),
    "tool_args": (
        {},
        Output(text="done", messages=({"role": "assistant", "tool_calls": [CALL] * 3},)),
        {"target": {"tools": [{"name": "find", "args": {"id": 8, "q": "x"}}] * 3}},
    ),
    "checks": (
        {},
        Output(text=ANSWER),
        {"checks": [{"use": "contains", "value": "14"}, {"use": "word_count", "max": 90}]},
    ),
}


def assertions() -> Iterator[tuple[str, float, float]]:
    """(word, median, slowest twentieth) in microseconds a case."""
    for name, (params, output, case) in ASSERTIONS.items():
        one = scorer(**{"use": name, **params})
        whole = Case(**{"id": "c", "input": "", **case})
        one.score(output, whole)
        seconds = sorted(
            timed(lambda one=one, whole=whole, output=output: one.score(output, whole)) for _ in range(400)
        )
        yield name, seconds[200] * 1e6, seconds[380] * 1e6


def shuffled() -> Iterator[tuple[str, float, str]]:
    """TER on words in any order: (what, seconds, what came out)."""
    rng, one = random.Random(SEED), scorer("ter")
    for size in (50, 100, 1_000):
        words = [f"w{rng.randrange(size // 2)}" for _ in range(size)]
        other = rng.sample(words, size)
        case = Case(id="c", input="", target=" ".join(words))
        start = time.perf_counter()
        result = one.score(Output(text=" ".join(other)), case)
        seconds = time.perf_counter() - start
        yield f"{size:,} words, shuffled", seconds, getattr(result, "kind", None) or f"{result.value:.3f}"
