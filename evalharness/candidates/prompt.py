"""Kind ``model``: a prompt on a model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, runtime_checkable

from evalharness.candidates.conversation import converse, turns_of
from evalharness.candidates.templates import Template
from evalharness.core.cases import Case, open_turns
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
        size = _bytes_of(text)
        return Request(
            case_id=case.id,
            epoch=epoch,
            attempt=attempt,
            seed=seed,
            body=body,
            key=digest_text(f"{self._key_prefix}\x1f{epoch}\x1f{attempt}\x1f{text}"),
            worst_tokens=self._worst(case, len(body["messages"]), size),
            sent_bytes=size,
        )

    def _worst(self, case: Case, messages: int, size: int) -> tuple[int, int]:
        """(input, output) tokens at most: no tokenizer makes more tokens than bytes."""
        turns = turns_of(case)
        earlier = self._answer_tokens * (turns * (turns - 1) // 2)
        return (size + _PER_MESSAGE * messages) * turns + earlier, self._answer_tokens * turns

    def deadline_s(self, case: Case) -> float:
        """Seconds for one answer: the time-out of each call, and a second to spare."""
        return self._options.timeout_s * turns_of(case) + 1.0

    async def answer(self, request: Request, case: Case) -> Output | Failure:
        """Ask the model; several open user turns of the case are answered one after the other."""
        turns = turns_of(case)
        if turns == 1:
            return await self._asked(request.body)
        messages = request.body["messages"]
        # What the config puts around a case comes first, so the case's own turns are the last ones.
        return await converse(
            messages,
            lambda sent: self._asked({**request.body, "messages": sent}),
            turns=open_turns(messages)[-turns:],
            paid=self._paid,
        )

    async def _asked(self, body: Mapping[str, Any]) -> Output | Failure:
        return await self._client.chat(body, timeout_s=self._options.timeout_s)

    def _paid(self, output: Output, sent: Sequence[Mapping[str, Any]]) -> float:
        """What a turn cost; the most that it can have cost where nobody says."""
        if output.cost_usd is not None or self.price is None:
            return output.cost_usd or 0.0
        tokens_in = _bytes_of(canonical_json(sent)) + _PER_MESSAGE * len(sent)
        return (tokens_in * self.price[0] + self._answer_tokens * self.price[1]) / 1e6

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


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8"))
