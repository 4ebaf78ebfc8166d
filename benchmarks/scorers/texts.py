"""Texts to measure with: word forms with Zipf's weights, so that words and stems recur as in prose (seed 7)."""

from __future__ import annotations

import random

from evalharness.core.cases import Case
from evalharness.core.results import Output

SEED = 7
ENDINGS = ("", "", "s", "ed", "ing", "ly", "ation", "ness")

Pair = tuple[Output, Case]


def vocabulary(rng: random.Random, size: int = 6_000) -> list[str]:
    syllables = [a + b for a in "bcdfglmnprst" for b in ("a", "e", "i", "o", "ur", "an")]
    return ["".join(rng.choices(syllables, k=rng.randint(1, 3))) + rng.choice(ENDINGS) for _ in range(size)]


def pairs(words: int, count: int) -> list[Pair]:
    """Outputs and references: 60 % of the output's sentences are kept, the rest are new, one sentence a line."""
    rng = random.Random(SEED)
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


def two_arms(words: int, count: int) -> list[Pair]:
    """Two outputs to each reference, as a gate has them: the second drops its last sentence and repeats its first."""
    made = []
    for output, case in pairs(words, count):
        lines = str(output.text).split("\n")
        made += [(output, case), (Output(text="\n".join([lines[0], *lines[:-1]])), case)]
    return made


def one_line(data: list[Pair]) -> list[Pair]:
    """The same without newlines: nothing is read line by line, and no line is met twice."""
    return [
        (Output(text=str(o.text).replace("\n", " ")), Case(id=c.id, input="", target=c.target.replace("\n", " ")))
        for o, c in data
    ]


def short_pairs(count: int) -> list[Pair]:
    """Short outputs and references with odd words: edges of tokenizers, empty texts, repeats, other scripts."""
    rng = random.Random(SEED)
    forms = [
        "the",
        "cat",
        "cats",
        "running",
        "easily",
        "Relational",
        "x1",
        "don't",
        "3.5",
        "-5",
        "café",
        "a",
        "A",
        "\n",
        ".",
        "10-12",
    ]

    def text() -> str:
        return " ".join(rng.choices(forms, k=rng.randint(0, 14)))

    return [(Output(text=text()), Case(id=f"s{number}", input="", target=text() or "the")) for number in range(count)]
