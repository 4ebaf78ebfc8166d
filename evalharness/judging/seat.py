"""One model that judges: the body of a call, the key of its verdict, one judgement read and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from evalharness.core.endpoints import shown
from evalharness.core.protocols import ChatClient, Desk, Request
from evalharness.core.results import Failure, Output, Score
from evalharness.core.specs import digest, thaw
from evalharness.judging.probabilities import NoProbabilities, with_distributions
from evalharness.judging.prompt import TEMPLATE, Prompt
from evalharness.judging.reply import Invalid, Opinion, read_reply
from evalharness.judging.rubric import JudgeSettings
from evalharness.judging.subject import Subject

if TYPE_CHECKING:
    import asyncio

RE_ASK: Final = 100
"""A re-ask has a repeat number of its own: the first one's plus this."""
_PER_MESSAGE: Final = 16
_NO_SCHEMA: Final = frozenset({"bad_request", "server_error", "http_error"})
"""How servers that know no ``json_schema`` refuse it."""


class NotKept(Exception):
    """A verdict is not stored, and calls are out of the question here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What calls took, as far as the server said; calls without usage are not in it."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> Took:
        """Of one call; nothing where the server did not count."""
        counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
        known = [count for count in counts if type(count) is int]
        return cls(calls=1, tokens_in=known[0], tokens_out=known[1]) if len(known) == 2 else cls()

    def __add__(self, other: Took) -> Took:
        return Took(
            calls=self.calls + other.calls,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
        )

    def to_json(self) -> list[int]:
        """``[calls, in, out]``; empty where nothing is known."""
        return [self.calls, self.tokens_in, self.tokens_out] if self.calls else []

    @classmethod
    def from_json(cls, data: Sequence[int]) -> Took:
        """The opposite of :meth:`to_json`."""
        return cls(calls=data[0], tokens_in=data[1], tokens_out=data[2]) if data else cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One judgement: what was said, and by which model."""

    opinions: Mapping[str, Opinion]
    model: str = ""
    """Name that the server reported."""
    took: Took = field(default_factory=Took)


@dataclass(slots=True, kw_only=True)
class Seat:
    """A model at an endpoint."""

    model: str
    client: ChatClient
    host: str
    price: tuple[float, float] | None = None
    """(input, output) US dollars per million tokens; None when unknown."""
    form: str = ""
    """How the form of the reply is asked for, once that is known: ``json_schema`` or ``json_object``."""
    reported: dict[str, int] = field(default_factory=dict)
    """Model names that the server reported in this command -> how often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call that may be needed."""

    prompt: Prompt
    subject: Subject
    repeat: int
    """0, 1, ..: repeats are draws of their own, and have keys of their own."""
    case_id: str


class Asker:
    """Asks seats under one judge's settings, through the desk of the run.

    Args:
        settings: How to ask.
        digest: The judge's digest: rubric, template, overrides.
        retries: Re-asks after an invalid reply.
        era: What tells verdicts of one state of the judge from those of another (drift).
    """

    def __init__(self, settings: JudgeSettings, *, digest: str, retries: int, era: str = "") -> None:
        self.settings = settings
        self.digest = digest
        self.retries = retries
        self.era = era
        self._asking: dict[str, asyncio.Event] = {}

    async def ask(self, seat: Seat, question: Question, desk: Desk, *, calls: bool) -> Spoken | Failure:
        """The judgement of one seat: the stored one, else a new one.

        Args:
            seat: Who is asked.
            question: What.
            desk: Where verdicts are kept and calls go through.
            calls: False: only what is stored.

        Returns:
            The judgement; a Failure of the judge when it cannot be reached or gives no valid verdict.

        Raises:
            NotKept: If it is not stored and ``calls`` is False.
        """
        numbers = [question.repeat + RE_ASK * again for again in range(self.retries + 1)]
        keys = [self.key(seat, question.prompt, number) for number in numbers]
        stored = _stored(desk, keys, question.prompt)
        if stored is not None:
            return stored
        if not calls:
            raise NotKept
        while (busy := self._asking.get(keys[0])) is not None:
            await busy.wait()  # the same question is on its way: two cases with one text are one question
            stored = _stored(desk, keys, question.prompt)
            if stored is not None:
                return stored
        import asyncio

        busy = self._asking[keys[0]] = asyncio.Event()
        try:
            return await self._ask(seat, question, desk, dict(zip(numbers, keys, strict=True)))
        finally:
            del self._asking[keys[0]]
            busy.set()

    async def _ask(self, seat: Seat, question: Question, desk: Desk, numbers: Mapping[int, str]) -> Spoken | Failure:
        """Ask under one number after the other until a reply is valid."""
        problem = ""
        for number, key in numbers.items():
            output = await self._call(seat, question, number, desk)
            if isinstance(output, Failure):
                return replace(output, stage="judge", blame="infrastructure", message=f"{seat.model}: {output.message}")
            try:
                spoken = self._read(output, question)
            except (Invalid, NoProbabilities) as error:
                problem = str(error)
                continue
            seat.reported[spoken.model] = seat.reported.get(spoken.model, 0) + 1
            desk.keep(key, _row(spoken), case_id=question.case_id)
            return spoken
        return Failure(
            stage="judge",
            kind="invalid_verdict",
            message=f"{seat.model} gave no valid verdict in {len(numbers)} tries, the last: {shown(problem)}",
            attempts=len(numbers),
        )

    def key(self, seat: Seat, prompt: Prompt, number: int) -> str:
        """The name of a verdict in the store."""
        facts = {
            "judge": self.digest,
            "template": TEMPLATE,
            "model": seat.model,
            "prompt": prompt.text,
            "parameters": self._parameters(number),
            "repeat": number,
            "era": self.era,
        }
        return digest(facts)

    def _parameters(self, number: int) -> dict[str, Any]:
        settings = self.settings
        found: dict[str, Any] = {settings.token_key: settings.max_output_tokens}
        if settings.temperature is not None:
            found["temperature"] = settings.temperature
        if settings.seed is not None:
            found["seed"] = settings.seed + number
        if settings.probabilities:
            found |= {"logprobs": True, "top_logprobs": 20}
        return found

    def _body(self, seat: Seat, prompt: Prompt, number: int, form: str) -> dict[str, Any]:
        schema = {"name": "verdicts", "strict": True, "schema": thaw(prompt.schema)}
        asked = {"type": "json_schema", "json_schema": schema} if form == "json_schema" else {"type": "json_object"}
        messages = [dict(message) for message in prompt.messages]
        return {"model": seat.model, "messages": messages, "response_format": asked, **self._parameters(number)}

    async def _call(self, seat: Seat, question: Question, number: int, desk: Desk) -> Output | Failure:
        form = seat.form or ("json_schema" if self.settings.reply == "auto" else self.settings.reply)
        body = self._body(seat, question.prompt, number, form)
        size = len(question.prompt.text.encode("utf-8", "replace")) + _PER_MESSAGE * len(question.prompt.messages)
        request = Request(
            case_id=question.case_id,
            epoch=0,
            attempt=number,
            seed=body.get("seed", 0),
            body=body,
            key=self.key(seat, question.prompt, number),
            worst_tokens=(size, self.settings.max_output_tokens),
        )

        async def send() -> Output | Failure:
            output = await self._once(seat, body)
            undecided = self.settings.reply == "auto" and not seat.form
            if not undecided:
                return output
            if isinstance(output, Output):
                seat.form = form
            elif output.kind in _NO_SCHEMA:
                bare = await self._once(seat, self._body(seat, question.prompt, number, "json_object"))
                if isinstance(bare, Output):
                    seat.form = "json_object"
                    return bare
            return output

        return await desk.call(send, request, host=seat.host, price=seat.price)

    async def _once(self, seat: Seat, body: Mapping[str, Any]) -> Output | Failure:
        import asyncio

        limit = self.settings.timeout
        try:
            async with asyncio.timeout(limit + 1.0):
                return await seat.client.chat(body, timeout_s=limit)
        except TimeoutError:
            return Failure(stage="judge", kind="timeout", message=f"no verdict in {limit:g} s", retryable=True)

    def _read(self, output: Output, question: Question) -> Spoken:
        if output.finish_reason not in (None, "stop"):
            raise Invalid(f"a reply that ended by {shown(output.finish_reason, 40)!r}")
        if output.messages and output.messages[0].get("tool_calls"):
            raise Invalid("a reply that calls tools")
        opinions = read_reply(output.text, question.prompt, question.subject)
        if self.settings.probabilities:
            opinions = with_distributions(opinions, output, question.prompt)
        return Spoken(opinions=opinions, model=shown(output.model or "", 100), took=Took.of(output.usage))


def _stored(desk: Desk, keys: Sequence[str], prompt: Prompt) -> Spoken | None:
    """The first stored judgement under some keys."""
    found = (desk.find(key) for key in keys)
    return next((_from_row(row, prompt) for row in found if isinstance(row, Score)), None)


def _row(spoken: Spoken) -> Score:
    """How a judgement lies in the store; the value means nothing, the score is worked out anew from the opinions."""
    said = {name: opinion.to_json() for name, opinion in spoken.opinions.items()}
    took = {"took": spoken.took.to_json()} if spoken.took.calls else {}
    return Score(value=0.0, evidence={"opinions": said, "model": spoken.model, **took})


def _from_row(row: Score, prompt: Prompt) -> Spoken:
    said = row.evidence["opinions"]
    opinions = {criterion.id: Opinion.from_json(said[criterion.id]) for criterion in prompt.criteria}
    return Spoken(opinions=opinions, model=row.evidence["model"], took=Took.from_json(row.evidence.get("took", ())))
