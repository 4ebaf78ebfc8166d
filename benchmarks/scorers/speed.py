"""How fast: ratios between ours and the package, measured in one process in turns, in CPU time where one process works."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from texts import SEED, Pair, one_line, pairs, two_arms

from evalharness.core.cases import Case
from evalharness.core.results import Output
from evalharness.scorers import rouge_words
from evalharness.scorers.registry import build_scorer, spec_of

ROUNDS = 7
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
    return judged(
        what, [(timed(theirs, clock), timed(ours, clock)) for _ in range(rounds)], cases=cases, largest=largest
    )


def judged(what: str, seconds: list[tuple[float, float]], *, cases: int, largest: float) -> Race:
    """A race from the seconds of both sides in each round."""
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
        yield _rouge(f"{words} words, new texts of one line", one_line(pairs(words, count)), ROUGE)


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
    import torch

    torch.set_num_threads(1)
    data = pairs(80, 24)
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


def translation() -> Iterator[Race]:
    """BLEU and chrF beside sacrebleu's own call for one sentence."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    metrics = (
        ("bleu", {}, BLEU(effective_order=True)),
        ("chrf", {}, CHRF()),
        ("chrf, word_order = 2", {"word_order": 2}, CHRF(word_order=2)),
    )
    for words, count in ((60, 60), (400, 24)):
        data = pairs(words, count)
        for name, params, oracle in metrics:
            one = scorer(name.split(",")[0], **params)

            def theirs(oracle: Any = oracle, data: list[Pair] = data) -> list[float]:
                return [oracle.sentence_score(output.text, [case.target]).score / 100 for output, case in data]

            def ours(one: Any = one, data: list[Pair] = data) -> list[float]:
                return [one.score(output, case).value for output, case in data]

            gap = max(abs(a - b) for a, b in zip(theirs(), ours(), strict=True))
            yield race(f"{name}, {words} words", theirs, ours, cases=len(data), largest=gap)


def side_by_side() -> Iterator[Race]:
    """BLEU and chrF of a batch: in this process, and by the pool that a run uses, on all cores.

    Two rows each: by the clock, and by the CPU time of what ends last, this process's share and that of its busiest worker: what the
    clock would say on cores that nobody else uses.
    """
    from evalharness.project.scoring_pool import ScoringPool

    data = pairs(2_000, 120)
    for use in ("bleu", "chrf"):
        spec = spec_of({"use": use})
        one = build_scorer(spec, root=Path())
        pool = ScoringPool({use: spec}, root=Path())
        try:
            alone = [one.score(*pair).value for pair in data]
            gap = max(abs(a.value - b) for a, b in zip(pool.map_scores(one, data), alone, strict=True))
            rounds = [_both_ways(one, pool, data) for _ in range(7)]
            what = f"{use}, {len(data)} cases of 2,000 words, {pool.processes} processes"
            yield judged(f"{what}, longest CPU time", [a for a, _ in rounds], cases=len(data), largest=gap)
            yield judged(f"{what}, by the clock", [b for _, b in rounds], cases=len(data), largest=gap)
        finally:
            pool.close()


def _both_ways(one: Any, pool: Any, data: list[Pair]) -> tuple[tuple[float, float], tuple[float, float]]:
    """(alone, pool) in CPU seconds of the longest path, and by the clock."""
    processes = [worker._process.pid for worker in pool._all]  # noqa: SLF001 - whose time is wanted
    marks = [(time.process_time(), time.perf_counter(), [])]
    for work in (lambda: [one.score(*pair) for pair in data], lambda: pool.map_scores(one, data)):
        work()
        marks.append((time.process_time(), time.perf_counter(), [_used(process) for process in processes]))
    (cpu0, clock0, _), (cpu1, clock1, before), (cpu2, clock2, after) = marks
    busiest = max(b - a for a, b in zip(before, after, strict=True))
    return (cpu1 - cpu0, cpu2 - cpu1 + busiest), (clock1 - clock0, clock2 - clock1)


def _used(process: int) -> float:
    """CPU seconds of another process (Linux)."""
    return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


OVERLAP = ("rouge1", "rouge2", "rougeL", "rougeLsum", "bleu", "chrf", "ter")


def hostile() -> Iterator[tuple[str, str, float, str]]:
    """(word, text and reference, CPU seconds, result): the slowest pair of 100,000-character texts, scored and refused."""
    rng = random.Random(SEED)
    words = [f"w{rng.randrange(5_000)}" for _ in range(17_000)]
    texts = {
        "prose": " ".join(words),
        "one word": "a " * 50_000,
        "lines of one letter": "a\n" * 50_000,
        "lines of prose": "\n".join(" ".join(words[n : n + 5]) for n in range(0, len(words), 5)),
        "one letter": "a" * 100_000,
        "full stops": "." * 100_000,
        "numbers": "1." * 50_000,
        "entities": "&amp;" * 20_000,
        "letters of two scripts": "\u00e9\u4e2d" * 50_000,
        "blanks": " " * 100_000,
    }
    texts = {name: text[:100_000] for name, text in texts.items()}
    others = {
        "other prose": " ".join(rng.sample(words, len(words)))[:100_000],
        "a short reference": "the cat\nsat on a mat",
    }
    for use in OVERLAP:
        one, worst = scorer(use), {}
        for name, text in texts.items():
            for beside, reference in ({"itself": text} | others).items():
                case = Case(id="c", input="", target=reference)
                start = time.process_time()
                result = one.score(Output(text=text), case)
                seconds = time.process_time() - start
                kind = getattr(result, "kind", "scored")
                worst[kind] = max(worst.get(kind, (0.0, "")), (seconds, f"{name} beside {beside}"))
        for kind, (seconds, what) in sorted(worst.items()):
            yield use, what, seconds, kind


def shuffled() -> Iterator[tuple[str, float, str]]:
    """TER on words in any order: (what, CPU seconds, what came out)."""
    rng, one = random.Random(SEED), scorer("ter")
    for size in (50, 100, 1_000):
        words = [f"w{rng.randrange(size // 2)}" for _ in range(size)]
        other = rng.sample(words, size)
        case = Case(id="c", input="", target=" ".join(words))
        start = time.process_time()
        result = one.score(Output(text=" ".join(other)), case)
        seconds = time.process_time() - start
        yield f"{size:,} words, shuffled", seconds, getattr(result, "kind", None) or f"{result.value:.3f}"
