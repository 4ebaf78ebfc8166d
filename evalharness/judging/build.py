"""A judge scorer from its table in the config: the rubric read, overrides applied, seats connected, nothing called yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from evalharness.core.builtin import rubric_path
from evalharness.core.cases import Case
from evalharness.core.endpoints import Address, address
from evalharness.core.errors import ConfigError
from evalharness.core.prices import PriceTable, no_table, price_of
from evalharness.core.protocols import ChatClient, ScorerSpec
from evalharness.core.specs import digest
from evalharness.judging.judge import Judge
from evalharness.judging.prompt import TEMPLATE
from evalharness.judging.rubric import Rubric
from evalharness.judging.rubric_file import load_rubric
from evalharness.judging.scorer import JudgeScorer
from evalharness.judging.seat import Asker, Seat
from evalharness.scorers.base import OWN, Scorer
from evalharness.scorers.parameters import Params

WORD: Final = "judge"
"""The scorer word."""
DEFAULT_URL: Final = "https://api.openai.com/v1"


class Connect(Protocol):
    """Makes the client of a chat endpoint; ``clients.openai_chat.connector`` gives the one that ships."""

    def __call__(
        self, place: Address, *, key_env: str | None, price: tuple[float, float] | None, finished: bool, where: str
    ) -> ChatClient:
        """Check that the key may go there and make the client; nothing is sent yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What judges are connected with."""

    connect: Connect
    prices: Mapping[str, tuple[float, float]]
    """Model -> (input, output) US dollars per million tokens."""
    env: Mapping[str, str]
    price_table: PriceTable = no_table
    """Knows prices that the config does not name."""


def build_judge(spec: ScorerSpec, *, root: Path, endpoints: Endpoints) -> JudgeScorer:
    """Build the judge that a scorer table describes: ``{ use = "judge", rubric = "rubrics/ID.toml" }``, or a shipped ID.

    Args:
        spec: The table; ``model``, ``base_url`` and ``api_key_env`` in it override the rubric's and enter the digest.
        root: Folder that the rubric's path is relative to; the bare id of a shipped rubric needs no file there.
        endpoints: How models are reached, and what they cost.

    Raises:
        ConfigError: If the table is wrong.
        RubricError: If the rubric is.
    """
    params = Params(spec, root=root)
    name = params.text("rubric")
    path = rubric_path(root, name)
    if path == root / name and not path.resolve().is_relative_to(root.resolve()):
        raise ConfigError(f"{name}: lies outside the project", where=params.place("rubric"))
    own: dict[str, Any] = {
        key: value for key in ("model", "base_url", "api_key_env") if (value := params.optional_text(key))
    }
    judge = judge_for(load_rubric(path), own, endpoints=endpoints, where=params.place())
    params.note("rubric", judge.rubric.id)
    params.note("model", judge.rubric.judge.model)
    params.note("digest", judge.digest[:12])
    for key in ("base_url", "api_key_env"):
        params.note(key, None)  # they are in the digest
    plain = Scorer(params, version=OWN)
    return EndpointJudge(judge, name=plain.name, signature=plain.signature, finish=plain.finish)


def judge_for(rubric: Rubric, own: Mapping[str, Any], *, endpoints: Endpoints, where: str) -> Judge:
    """The judge of a rubric.

    Args:
        rubric: The rubric.
        own: Overrides of ``model``, ``base_url``, ``api_key_env``.
        endpoints: How models are reached.
        where: Place for errors.
    """
    settings = replace(rubric.judge, **own)
    rubric = replace(rubric, judge=settings)
    name = digest({"rubric": rubric.digest, "template": TEMPLATE, **own})
    seats = [_seat(model, rubric, endpoints, where) for model in settings.seats]
    escalates = rubric.cannot_tell == "escalate" and settings.escalate_to is not None
    escalation = _seat(str(settings.escalate_to), rubric, endpoints, where) if escalates else None
    return Judge(rubric, Asker(settings, digest=name, retries=rubric.retries), seats, escalation)


def _seat(model: str, rubric: Rubric, endpoints: Endpoints, where: str) -> Seat:
    settings = rubric.judge
    place = address(settings.base_url or endpoints.env.get("OPENAI_BASE_URL") or DEFAULT_URL, where=where)
    price = price_of(model, place, own=endpoints.prices, table=endpoints.price_table)
    client = endpoints.connect(place, key_env=settings.api_key_env, price=price, finished=True, where=where)
    return Seat(model=model, client=client, host=place.place, price=price)


class EndpointJudge(JudgeScorer):
    """A judge scorer that holds connections, and knows before the first call whether there is a key."""

    _ready = False

    def check(self, case: Case) -> None:
        """Raise ``KeyMissing`` when a call could not be made for want of a key."""
        del case
        if not self._ready:
            for client in self.clients():
                ready: Any = getattr(client, "ready", None)
                if ready is not None:
                    ready()
            self._ready = True

    async def close(self) -> None:
        """Give back the connections."""
        for client in self.clients():
            await client.close()

    def clients(self) -> Sequence[ChatClient]:
        """The client of each seat."""
        return [seat.client for seat in self.judge.all_seats]
