"""``similar`` by an embedding endpoint: an ``AsyncScorer`` whose calls go through the run's desk, as a judge's do.

| word | parameters | value |
| --- | --- | --- |
| ``similar`` | ``model`` (required), ``base_url``, ``api_key_env``, ``value`` | cosine of the embeddings of output and nearest reference, max(0, x) |

A model that is a folder of the project, without ``base_url``, is a local one (``scorers/similarity.py``). Equal texts are sent once
in a run, and a stored score is found again by model, address, output and references. An endpoint that fails is never
the candidate's doing. An empty or blank text is 0 without a call.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evalharness.core.cases import Case
from evalharness.core.endpoints import Address, address
from evalharness.core.prices import price_of
from evalharness.core.protocols import Desk, EmbeddingClient, Request, ScorerSpec
from evalharness.core.results import Failure, Output, Score, ScoreResult
from evalharness.core.specs import digest
from evalharness.scorers.base import shown
from evalharness.scorers.parameters import Params
from evalharness.scorers.references import NO_TARGET, AgainstReferences
from evalharness.scorers.vectors import cosine

if TYPE_CHECKING:
    import asyncio

    from evalharness.judging.build import Endpoints

DEFAULT_URL: Final = "https://api.openai.com/v1"
TIMEOUT_S: Final = 60.0


def build_similar(spec: ScorerSpec, *, root: Path, endpoints: Endpoints) -> EndpointSimilar:
    """Build the scorer that a table describes; nothing is called yet.

    Raises:
        ConfigError: If the table is wrong, or a key may not go there.
    """
    params = Params(spec, root=root)
    scorer = EndpointSimilar(params, url=endpoints.env.get("OPENAI_BASE_URL") or DEFAULT_URL)
    place = scorer.address
    price = price_of(scorer.model, place, own=endpoints.prices, table=endpoints.price_table)
    client: Any = endpoints.connect(
        place, key_env=scorer.key_env, price=price, finished=True, where=params.place("api_key_env")
    )
    scorer.connect(client, price)
    return scorer


class EndpointSimilar(AgainstReferences):
    """Closeness of meaning by an endpoint's embeddings.

    Args:
        params: Its table.
        url: Where the endpoint is when the table does not say.
    """

    costly = True

    def __init__(self, params: Params, *, url: str) -> None:
        self.model = params.text("model")
        base = params.optional_text("base_url") or url
        self.key_env = params.optional_text("api_key_env")
        params.note("api_key_env", None)
        params.note("base_url", base)
        self.address: Address = address(base, where=params.place("base_url"))
        super().__init__(params)
        self._client: EmbeddingClient | None = None
        self._price: tuple[float, float] | None = None
        self._desk: Desk | None = None
        self._vectors: dict[str, list[float]] = {}
        self._sent: dict[str, asyncio.Event] = {}
        """Texts whose vectors are on their way."""

    def connect(self, client: EmbeddingClient, price: tuple[float, float] | None) -> None:
        """Use this client from now on; ``price`` is (input, output) US dollars per million tokens."""
        self._client, self._price = client, price

    def sit(self, desk: Desk) -> None:
        """Use this desk from now on."""
        self._desk = desk

    def check(self, case: Case) -> None:
        """Raise ``KeyMissing`` when a call could not be made for want of a key."""
        del case
        ready = getattr(self._client, "ready", None)
        if ready is not None:
            ready()

    async def close(self) -> None:
        """Give back the connections."""
        if self._client is not None:
            await self._client.close()

    def recorded_score(self, output: Output, case: Case, *, repeat: int) -> ScoreResult | None:
        """The stored score; None when a call is needed."""
        del repeat
        found = self._without_call(output, case)
        return found if found is not None else self._desk_of_run().find(self._key(output, case))

    async def score_async(self, output: Output, case: Case, *, repeat: int) -> ScoreResult:
        """The score: the stored one, else from the endpoint's vectors."""
        known = self.recorded_score(output, case, repeat=repeat)
        if known is not None:
            return known
        text, references = output.text or "", [r for r in self.references_of(case) if r.strip()]
        vectors = await self._embedded([text, *references], case)
        if isinstance(vectors, Failure):
            return replace(vectors, stage="scorer", blame="infrastructure", message=f"{self.model}: {vectors.message}")
        close = [
            (cosine(vectors[0], vector), reference) for vector, reference in zip(vectors[1:], references, strict=True)
        ]
        value, nearest = max(close)
        evidence = {"raw": value} if value < 0 else {}
        reason = f"cosine {value:.3f} with {shown(nearest, 80)}"
        result = self.finish(Score(value=min(1.0, max(0.0, value)), reason=reason, evidence=evidence))
        self._desk_of_run().keep(self._key(output, case), result, case_id=case.id)
        return result

    def _without_call(self, output: Output, case: Case) -> ScoreResult | None:
        if output.text is None:
            return self._without_text()
        references = self.references_of(case)
        if not references:
            return NO_TARGET
        if not output.text.strip() or not any(reference.strip() for reference in references):
            return self.finish(Score(value=0.0, reason=f"{shown(output.text)} or every reference is empty"))
        return None

    async def _embedded(self, texts: Sequence[str], case: Case) -> list[list[float]] | Failure:
        import asyncio

        while missing := [text for text in dict.fromkeys(texts) if text not in self._vectors]:
            sent = next((self._sent[text] for text in missing if text in self._sent), None)
            if sent is not None:  # another answer asks for the same text at this moment
                await sent.wait()
                continue
            back = asyncio.Event()
            self._sent.update(dict.fromkeys(missing, back))
            try:
                reply = await self._call(missing, case)
            finally:
                for text in missing:
                    del self._sent[text]
                back.set()
            if isinstance(reply, Failure):
                return reply
            self._vectors.update(zip(missing, json.loads(reply.text or "[]"), strict=True))
        return [self._vectors[text] for text in texts]

    async def _call(self, texts: Sequence[str], case: Case) -> Output | Failure:
        body = {"model": self.model, "input": list(texts), "encoding_format": "float"}
        key = digest({"signature": self.signature, "input": texts})
        size = sum(len(text.encode("utf-8", "replace")) + 8 for text in texts)  # no tokenizer makes more of them
        request = Request(case_id=case.id, epoch=0, attempt=0, seed=0, body=body, key=key, worst_tokens=(size, 0))
        client = self._client
        assert client is not None, "the project connects it"
        return await self._desk_of_run().call(
            lambda: client.embed(body, timeout_s=TIMEOUT_S), request, host=self.address.place, price=self._price
        )

    def _key(self, output: Output, case: Case) -> str:
        return digest({"similar": self.signature, "output": output.text, "references": self.references_of(case)})

    def _desk_of_run(self) -> Desk:
        assert self._desk is not None, "the runner gives every scorer that calls an endpoint a desk"
        return self._desk
