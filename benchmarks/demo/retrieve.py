"""Rank the demo's knowledge base with BM25 and variants of it, and write the rankings as answers files.

One line a query, in the eval set's order: ``{"id", "documents": [best, ..., tenth]}``. Needs only bm25s; the rankings are the
same on every machine, since equal scores are ordered by document id. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import bm25s

EVALSETS = Path(__file__).resolve().parents[2] / "evalsets"
TOP = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to search; the defaults are the baseline."""

    fields: tuple[str, ...] = ("title", "text")
    """Parts of an article that are indexed."""
    k1: float = 1.5
    """How fast repeated words stop adding to the score, > 0."""
    b: float = 0.75
    """How much long articles are held back, 0..1."""


VARIANTS = {
    "bm25": Variant(),
    "title-only": Variant(fields=("title",)),  # much worse
    "tuned": Variant(k1=1.4, b=0.7),  # nearly every ranking stays as it was
    "titles-twice": Variant(fields=("title", "title", "text")),  # some better, some worse: too close to call
}


def rank(variant: Variant, corpus: list[dict[str, Any]], queries: list[str]) -> list[list[str]]:
    """Ids of the best documents for each query, best first; documents that share no word with it are left out."""
    texts = [" ".join(document[field] for field in variant.fields) for document in corpus]
    index = bm25s.BM25(k1=variant.k1, b=variant.b)
    index.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
    rankings = []
    for words in bm25s.tokenize(queries, stopwords="en", return_ids=False, show_progress=False):
        scores = index.get_scores(words) if words else [0.0] * len(corpus)
        hits = sorted(
            (-float(score), document["_id"]) for score, document in zip(scores, corpus, strict=True) if score > 0
        )
        rankings.append([document_id for _, document_id in hits[:TOP]])
    return rankings


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", help="default: all")
    parser.add_argument("--out", type=Path, default=EVALSETS / "recorded", help="folder for docs-VARIANT.jsonl")
    arguments = parser.parse_args()
    corpus, cases = read(EVALSETS / "demo-docs.corpus.jsonl"), read(EVALSETS / "demo-docs.jsonl")
    for name in arguments.variants or VARIANTS:
        rankings = rank(VARIANTS[name], corpus, [case["input"] for case in cases])
        lines = [{"id": case["id"], "documents": ranking} for case, ranking in zip(cases, rankings, strict=True)]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (arguments.out / f"docs-{name}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
