"""How much faster our ROUGE is than rouge-score, and that both give the same numbers.

    python benchmarks/scorers/overlap.py

Texts are drawn (seed 7) from word forms with Zipf's weights, so that stems recur as in prose; references share part of
the output's text. Each line compares, on the same pairs in the same process, one word at a time and then the four
together as a config with all four would: rouge-score with one ``RougeScorer``, ours with four scorers that share their
remembered words. Ours includes everything that a run does for a score (reasons, evidence, signature). Stems are
remembered over cases: that is the state after the first few hundred cases of a run, and the cold column repeats the
measurement with nothing remembered. The best of five rounds counts.

Not measured: import (ours loads nltk only for stems, rouge-score always), memory, other languages.
"""

from __future__ import annotations

import platform
import random
import time
from collections.abc import Callable
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer

from evalharness.core.cases import Case
from evalharness.core.results import Output
from evalharness.scorers import rouge_words
from evalharness.scorers.registry import build_scorer, spec_of

WORDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
ROUNDS = 5
ENDINGS = ("", "", "s", "ed", "ing", "ly", "ation", "ness")


def vocabulary(rng: random.Random, size: int = 6_000) -> list[str]:
    syllables = [a + b for a in "bcdfglmnprst" for b in ("a", "e", "i", "o", "ur", "an")]
    return ["".join(rng.choices(syllables, k=rng.randint(1, 3))) + rng.choice(ENDINGS) for _ in range(size)]


def pairs(words: int, count: int) -> list[tuple[Output, Case]]:
    """Outputs and references: 60 % of the output's sentences are kept, the rest are new, one sentence a line."""
    rng = random.Random(7)
    forms = vocabulary(rng)
    weights = [1 / (rank + 10) for rank in range(len(forms))]

    def sentence() -> str:
        return " ".join(rng.choices(forms, weights, k=20)).capitalize() + "."

    made = []
    for number in range(count):
        output = [sentence() for _ in range(words // 20)]
        target = [line if rng.random() < 0.6 else sentence() for line in output]
        made.append((Output(text="\n".join(output)), Case(id=f"c{number}", input="", target="\n".join(target))))
    return made


def best(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    seconds = []
    for _ in range(ROUNDS):
        before()
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def forget_texts() -> None:
    rouge_words._remembered_words.cache_clear()  # noqa: SLF001 - the state between cases is what is compared
    rouge_words._remembered_lines.cache_clear()  # noqa: SLF001 - as above


def forget_all() -> None:
    forget_texts()
    rouge_words._STEMS.clear()  # noqa: SLF001 - as above


def line(group: tuple[str, ...], data: list[tuple[Output, Case]], *, stemmer: bool) -> str:
    oracle = RougeScorer(list(group), use_stemmer=stemmer)
    scorers = [build_scorer(spec_of({"use": word, "stemmer": stemmer}), root=Path()) for word in group]

    def theirs() -> list[list[float]]:
        scores = [oracle.score(case.target, output.text) for output, case in data]
        return [[score[word].fmeasure for word in group] for score in scores]

    def ours() -> list[list[float]]:
        return [[scorer.score(output, case).value for scorer in scorers] for output, case in data]

    gap = max(abs(a - b) for one, other in zip(theirs(), ours(), strict=True) for a, b in zip(one, other, strict=True))
    seconds, warm, cold = best(theirs), best(ours, forget_texts), best(ours, forget_all)
    micro = 1e6 / len(data)
    name = group[0] if len(group) == 1 else "all four"
    return f"{name:<10} {seconds * micro:>12.0f} {warm * micro:>8.1f} {seconds / warm:>6.0f}x {seconds / cold:>6.0f}x {gap:>12.1e}"


def main() -> None:
    print(f"Python {platform.python_version()}, seed 7, best of {ROUNDS}; microseconds a case")
    print(
        f"{'words':>5} {'stemmer':>7} {'scorer':<10} {'rouge-score':>12} {'ours':>8} {'ratio':>7} {'cold':>7} {'largest gap':>12}"
    )
    for stemmer in (False, True):
        for words, count in ((60, 50), (400, 10)):
            data = pairs(words, count)
            for group in (*((word,) for word in WORDS), WORDS):
                print(f"{words:>5} {stemmer!s:>7} {line(group, data, stemmer=stemmer)}")


if __name__ == "__main__":
    main()
