"""The built-in retriever ``bm25`` over the eval set's corpus. The only file that imports bm25s."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from evalharness.candidates.local import Identity, Local
from evalharness.core.cases import Case
from evalharness.core.protocols import Request
from evalharness.core.results import Document, Failure, Output


class Bm25Retriever(Local):
    """Lucene's BM25 on lower-case words without English stop words, no stemming.

    Equal scores keep the order of the corpus, and a document that shares no word with the query is not found, so the
    ranking is the same on every machine.

    Args:
        identity: Name, digest, time.
        corpus: Gives the documents when the index is needed.
        k: Documents wanted, >= 1.
        k1: Term saturation.
        b: Length normalisation, 0..1.
        fields: What of a document is searched: ``title`` (its first line), ``text`` (the rest); a field that is named
            twice counts twice. Empty: the whole document.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        corpus: Callable[[], Sequence[Document]],
        k: int,
        k1: float,
        b: float,
        fields: Sequence[str] = (),
    ) -> None:
        super().__init__(identity)
        self._corpus = corpus
        self._fields = tuple(fields)
        self._k, self._k1, self._b = k, k1, b
        self._ids: list[str] = []
        self._index: Any = None

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """The best documents for the case's text."""
        del request
        started = time.monotonic()
        found = self.search(case.prompt_text)
        return Output(documents=found, latency_s=time.monotonic() - started, cost_usd=0.0)

    def search(self, query: str) -> tuple[Document, ...]:
        """The ranking of a query, best first."""
        import bm25s

        if self._index is None:
            self._build()
        words = bm25s.tokenize([query], stopwords="en", return_ids=False, show_progress=False)[0]
        known = [word for word in words if word in self._index.vocab_dict]
        if not known:
            return ()
        scores = self._index.get_scores(known)
        order = (-scores).argsort(kind="stable")[: self._k]
        return tuple(
            Document(id=self._ids[place], score=float(scores[place])) for place in order.tolist() if scores[place] > 0
        )

    def _build(self) -> None:
        import bm25s

        documents = self._corpus()
        texts = [searched(document.text or "", self._fields) for document in documents]
        self._ids = [document.id for document in documents]
        self._index = bm25s.BM25(method="lucene", k1=self._k1, b=self._b)
        words = bm25s.tokenize(texts, stopwords="en", return_ids=False, show_progress=False)
        self._index.index(words, show_progress=False)


def searched(text: str, fields: Sequence[str]) -> str:
    """The words of a document that are indexed: all, or its title (first line) and text as often as they are named."""
    if not fields:
        return text
    title, _, rest = text.partition("\n")
    return " ".join(title if field == "title" else rest for field in fields)
