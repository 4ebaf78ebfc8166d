"""Kind ``model``: a prompt on a model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol, runtime_checkable

from evalharness.candidates.templates import Template
from evalharness.core.cases import Case
from evalharness.core.endpoints import Address
from evalharness.core.protocols import ChatClient, Request
from evalharness.core.results import Failure, Output
from evalharness.core.seeds import derive_seed
from evalharness.core.specs import canonical_json, digest, digest_text, freeze, thaw

PARAMETERS: Final = (
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "tools",
    "tool_choice",
)
"""Keys that go into the request body as they are."""
UNSTATED_TOKENS: Final = 4096
"""Tokens of an answer that are reckoned with where the config sets no limit."""
_PER_MESSAGE: Final = 16
"""Tokens that a message costs beside its text, at most."""


@runtime_checkable
class Readies(Protocol):
    """A client that can say before the first call that it has no key."""

    def ready(self) -> None:
        """Raise ``KeyMissing`` when a call could not be made."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A message with a template for its content."""

    role: str
    content: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is put around a case's input."""

    before: tuple[Turn, ...] = ()
    """``system`` and ``messages``."""
    user: Template | None = None
    """``prompt``; None: the input as it is."""

    def messages(self, case: Case) -> list[dict[str, Any]]:
        """The messages for a case: those before, the prompt, and a chat input's own messages as they are."""
        messages: list[dict[str, Any]] = [
            {"role": turn.role, "content": turn.content.render(case)} for turn in self.before
        ]
        chat = isinstance(case.input, tuple)
        if self.user is not None:
            messages.append({"role": "user", "content": self.user.render(case)})
        elif not chat:
            text = case.input if isinstance(case.input, str) else canonical_json(case.input)
            messages.append({"role": "user", "content": text})
        if chat:
            messages.extend(thaw(case.input))
        return messages

    @property
    def cannot_fail(self) -> bool:
        """True when no case can make rendering fail."""
        return all(turn.content.cannot_fail for turn in self.before) and (self.user is None or self.user.cannot_fail)

    def to_json(self) -> dict[str, Any]:
        """The texts, for digest and run header."""
        return {
            "messages": [{"role": turn.role, "content": turn.content.source} for turn in self.before],
            "prompt": None if self.user is None else self.user.source,
        }


class PromptCandidate:
    """Answers with a model.

    Args:
        name: Name in the config.
        prompt: What is put around the input.
        body: Request body without messages and seed: the model and its parameters.
        client: The way to the endpoint.
        address: Where that is.
        options: What does not change the request.
    """

    kind = "model"
    reuse: Literal["always", "same_run"] = "always"

    def __init__(
        self,
        name: str,
        *,
        prompt: Prompt,
        body: Mapping[str, Any],
        client: ChatClient,
        address: Address,
        options: PromptOptions,
    ) -> None:
        self.name = name
        self.host = address.place
        self.price = options.price
        self._prompt = prompt
        self._body = thaw(body)
        self._client = client
        self._options = options
        facts = {"url": address.url, **thaw(body), **prompt.to_json(), "seed": options.seed, "version": options.version}
        self.description: Mapping[str, Any] = freeze(facts)
        self.digest = digest({"kind": self.kind, **facts})
        self._key_prefix = digest({"url": address.url, "version": options.version})
        self._answer_tokens = int(
            self._body.get("max_completion_tokens") or self._body.get("max_tokens") or UNSTATED_TOKENS
        )
        self._unready = True

    def check(self, case: Case) -> None:
        """Find out, before the first call, whether a key is there and the templates render.

        Raises:
            KeyMissing: If there is no key.
            ConfigError: If the templates cannot be rendered for this case.
        """
        if self._unready and isinstance(self._client, Readies):
            self._client.ready()
        self._unready = False
        if not self._prompt.cannot_fail:
            self._prompt.messages(case)

    def request(self, case: Case, *, epoch: int, attempt: int, run_seed: int) -> Request:
        """Render the request.

        Raises:
            ConfigError: If the templates cannot be rendered for this case.
        """
        base = run_seed if isinstance(self._options.seed, bool) else self._options.seed
        seed = derive_seed(base, case.id, epoch=epoch, attempt=attempt)
        body = {**self._body, "messages": self._prompt.messages(case)}
        if self._options.seed is not False:
            body["seed"] = seed
        text = canonical_json(body)
        return Request(
            case_id=case.id,
            epoch=epoch,
            attempt=attempt,
            seed=seed,
            body=body,
            key=digest_text(f"{self._key_prefix}\x1f{epoch}\x1f{attempt}\x1f{text}"),
            worst_tokens=self._worst(body["messages"], text),
        )

    def _worst(self, messages: Sequence[Mapping[str, Any]], text: str) -> tuple[int, int]:
        """(input, output) tokens at most: no tokenizer makes more tokens than bytes."""
        size = len(text) if text.isascii() else len(text.encode("utf-8"))
        turns = len(open_turns(messages)) if len(messages) > 1 else 1
        sent = size + _PER_MESSAGE * len(messages)
        earlier = self._answer_tokens * (turns * (turns - 1) // 2)
        return sent * turns + earlier, self._answer_tokens * turns

    def deadline_s(self, case: Case) -> float:
        """Seconds for one answer: the time-out of each call, and a second to spare."""
        turns = max(1, len(open_turns(case.input))) if isinstance(case.input, tuple) else 1
        return self._options.timeout_s * turns + 1.0

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """Ask the model; several open user turns are answered one after the other."""
        del case  # the request says it all
        messages = request.body["messages"]
        turns = open_turns(messages) if len(messages) > 1 else []
        if len(turns) <= 1:
            return await self._client.chat(request.body, timeout_s=self._options.timeout_s)
        return await self._converse(request.body, turns)

    async def _converse(self, body: Mapping[str, Any], turns: Sequence[int]) -> Output | Failure:
        trace: list[Mapping[str, Any]] = []
        outputs: list[Output] = []
        start = 0
        for turn in turns:
            trace.extend(body["messages"][start : turn + 1])
            start = turn + 1
            output = await self._client.chat({**body, "messages": trace}, timeout_s=self._options.timeout_s)
            if isinstance(output, Failure):
                return replace(output, message=f"turn {len(outputs) + 1} of {len(turns)}: {output.message}")
            outputs.append(output)
            trace.extend(output.messages or ({"role": "assistant", "content": output.text or ""},))
        return _whole(outputs, trace)

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptOptions:
    """What does not change the text that is sent."""

    timeout_s: float = 120.0
    """Seconds for one call."""
    price: tuple[float, float] | None = None
    """(input, output) US dollars per million tokens; None when unknown."""
    seed: bool | int = True
    """True: send the derived seed; False: send none; a number: derive from it instead of the run's seed."""
    version: str = ""
    """Changing it voids the recorded answers."""


def open_turns(messages: Sequence[Mapping[str, Any]]) -> list[int]:
    """Places of the user messages that nobody has answered yet: not followed by an assistant or tool message."""
    return [
        place
        for place, message in enumerate(messages)
        if message.get("role") == "user"
        and (place + 1 == len(messages) or messages[place + 1].get("role") not in ("assistant", "tool"))
    ]


def _whole(outputs: Sequence[Output], trace: Sequence[Mapping[str, Any]]) -> Output:
    """A conversation as one output: the last answer, the whole trace, the sums."""
    usage: dict[str, int] = {}
    for output in outputs:
        for name, count in output.usage.items():
            usage[name] = usage.get(name, 0) + count
    costs = [output.cost_usd for output in outputs]
    return replace(
        outputs[-1],
        messages=tuple(trace),
        usage=usage,
        latency_s=sum(output.latency_s or 0.0 for output in outputs),
        cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
    )
