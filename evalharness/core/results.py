"""What a run produces: outputs, scores, and the three ways in which something can be absent.

Absence is a type. ``Unscored`` says that a scorer does not apply, ``Failure`` that something broke; neither is ever
NaN, 0, or left out. ``Failure.blame`` says how the gate counts it: what the *candidate* did is data (the lowest
score), what the *infrastructure* did is missing (bounds).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from evalharness.core.specs import EMPTY, freeze, thaw

Stage: TypeAlias = Literal["candidate", "scorer", "judge"]
Blame: TypeAlias = Literal["candidate", "infrastructure"]

MOST_AMOUNT: Final = 1e12
"""Largest seconds, dollars and tokens of one answer, and grade of a document, that are believed: sums stay finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One retrieved document."""

    id: str
    """Document id as in the case's ``relevant``."""
    text: str | None = None
    """Its text, when the retriever gives it."""
    score: float | None = None
    """The retriever's score; None when it gives only an order."""

    @classmethod
    def of(cls, value: Any) -> Document:
        """A document from an id, or from ``{id, text, score}``.

        Raises:
            TypeError: If ``value`` is neither.
        """
        if isinstance(value, Document):
            return value
        if isinstance(value, str):
            return cls(id=value)
        if isinstance(value, Mapping) and isinstance(value.get("id"), str) and not set(value) - {"id", "text", "score"}:
            return cls(**value)
        raise TypeError("a document is an id or an object {id, text, score}")

    def to_json(self) -> Any:
        """The id alone when that is all there is, else an object."""
        if self.text is None and self.score is None:
            return self.id
        return {k: v for k, v in (("id", self.id), ("text", self.text), ("score", self.score)) if v is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a candidate answered to one case in one epoch."""

    text: str | None = None
    """The answer; None for a retriever that gives only documents."""
    documents: tuple[Document, ...] = ()
    """Ranked documents, best first. Ids and ``{id, text, score}`` objects are accepted."""
    messages: tuple[Mapping[str, Any], ...] = ()
    """The whole trace in OpenAI chat form, for agents and conversations."""
    usage: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Tokens as the provider reported them: ``prompt_tokens``, ``completion_tokens``."""
    latency_s: float | None = None
    """Seconds from sending the request to the whole answer; None when unknown."""
    cost_usd: float | None = None
    """US dollars; None when unknown."""
    finish_reason: str | None = None
    """``stop``, ``length``, ``content_filter``, ``tool_calls``, or None."""
    model: str | None = None
    """Model name that the server reported."""
    error: str | None = None
    """What went wrong, when this output stands for a recorded error; then there is no text."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "documents", tuple(Document.of(d) for d in self.documents) if self.documents else ())
        object.__setattr__(self, "messages", freeze(tuple(self.messages)) if self.messages else ())
        object.__setattr__(self, "usage", freeze(dict(self.usage)) if self.usage else EMPTY)

    def json(self) -> Any:
        """The answer parsed as strict JSON.

        Raises:
            ValueError: If there is no text, or it is not JSON (NaN and duplicate keys included).
        """
        from evalharness.core.strictjson import loads

        if self.text is None:
            raise ValueError("the output has no text")
        return loads(self.text)

    def to_json(self) -> dict[str, Any]:
        """JSON object with the fields that are set."""
        pairs = (
            ("text", self.text),
            ("documents", [d.to_json() for d in self.documents] if self.documents else None),
            ("messages", thaw(self.messages) if self.messages else None),
            ("usage", thaw(self.usage) if self.usage else None),
            ("latency_s", self.latency_s),
            ("cost_usd", self.cost_usd),
            ("finish_reason", self.finish_reason),
            ("model", self.model),
            ("error", self.error),
        )
        return {key: value for key, value in pairs if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Output:
        """The opposite of :meth:`to_json`."""
        return cls(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One number about one output, and how it came about."""

    value: float
    """In the scorer's declared range."""
    passed: bool | None = None
    """Pass or fail where the scorer says so (assertions, a ``threshold``); None otherwise."""
    reason: str = ""
    """One sentence for a person."""
    evidence: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """Per-case sufficient statistics, matched text, the judge's quote; JSON values only."""
    parts: Mapping[str, Score] = field(default_factory=lambda: EMPTY)
    """A criterion's or check's own score by name."""
    signature: str = ""
    """How the number was made: scorer, parameters, package version."""

    def __post_init__(self) -> None:
        if self.evidence is not EMPTY:
            object.__setattr__(self, "evidence", freeze(dict(self.evidence)))
        if self.parts is not EMPTY:
            object.__setattr__(self, "parts", freeze(dict(self.parts)))

    def to_json(self) -> dict[str, Any]:
        """``{value, passed, reason, parts, evidence}`` without empty fields; the signature is written once elsewhere."""
        pairs = (
            ("value", self.value),
            ("passed", self.passed),
            ("reason", self.reason or None),
            ("parts", {name: part.to_json() for name, part in self.parts.items()} or None),
            ("evidence", thaw(self.evidence) or None),
        )
        return {key: value for key, value in pairs if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], signature: str = "") -> Score:
        """The opposite of :meth:`to_json`."""
        parts = {name: cls.from_json(part) for name, part in data.get("parts", {}).items()}
        return cls(**{**data, "parts": parts}, signature=signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unscored:
    """A scorer does not apply to this case (no target, a language it cannot read). Not an error, never a number."""

    reason: str
    """One sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something broke: a call, a scorer or a judge."""

    stage: Stage
    """Where."""
    kind: str
    """Word: timeout, rate_limited, server_error, connection, bad_reply, refused, filtered, not_recorded, budget, ..."""
    message: str
    """One sentence, cleaned of secrets."""
    blame: Blame = "infrastructure"
    """``candidate``: counts as the lowest score. ``infrastructure``: missing, counted by its bounds."""
    attempts: int = 1
    """Calls made before giving up."""
    retryable: bool = False
    """Whether the same call may work later."""
    bounds: tuple[float, float] | None = None
    """(least, most) that the score can be, where something is known of it: a behaviour group some of whose members are in.
    On the scorer's scale, which is 0..1 with more being better; None: nothing is known."""
    cost_usd: float | None = None
    """US dollars that were paid before it broke: the earlier turns of a conversation. None: nothing that is known."""
    retry_after_s: float | None = field(default=None, compare=False)
    """Seconds the server asked to wait before the next call; used while retrying, never written down."""

    def to_json(self) -> dict[str, Any]:
        """JSON object of all fields; ``bounds`` and ``cost_usd`` only where there are some."""
        known: dict[str, Any] = {} if self.bounds is None else {"bounds": list(self.bounds)}
        known |= {} if self.cost_usd is None else {"cost_usd": self.cost_usd}
        return {
            "stage": self.stage,
            "kind": self.kind,
            "message": self.message,
            "blame": self.blame,
            "attempts": self.attempts,
            "retryable": self.retryable,
            **known,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Failure:
        """The opposite of :meth:`to_json`."""
        bounds = data.get("bounds")
        return cls(**{**data, "bounds": None if bounds is None else (bounds[0], bounds[1])})


ScoreResult: TypeAlias = Score | Unscored | Failure
"""What a scorer returns."""

_KINDS = {"score": Score, "unscored": Unscored, "failure": Failure}


def score_result_to_json(result: ScoreResult) -> dict[str, Any]:
    """A tagged JSON object: a score as it is, ``{"unscored": reason}`` or ``{"failure": {...}}``."""
    if isinstance(result, Score):
        return result.to_json()
    if isinstance(result, Unscored):
        return {"unscored": result.reason}
    return {"failure": result.to_json()}


def score_result_from_json(data: Mapping[str, Any], signature: str = "") -> ScoreResult:
    """The opposite of :func:`score_result_to_json`."""
    if "unscored" in data:
        return Unscored(reason=data["unscored"])
    if "failure" in data:
        return Failure.from_json(data["failure"])
    return Score.from_json(data, signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One answer to one case: epoch and attempt, what came back, and its scores."""

    case_id: str
    epoch: int = 0
    """0 .. epochs-1."""
    attempt: int = 0
    """0, or 1.. when a hard check asked for another try."""
    output: Output | Failure
    """The answer, or why there is none."""
    scores: Mapping[str, ScoreResult] = field(default_factory=lambda: EMPTY)
    """Scorer name -> result; every scorer of the run has an entry when there is an output."""
    key: str = ""
    """Content key of the answer in the store (64 hex digits), or empty for answers that are not stored."""
    replayed: bool = False
    """True when no call was made for it in this run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """Everything one run knows about one case."""

    case_id: str
    case_digest: str
    """``Case.digest`` when it was answered: guards the pairing."""
    trials: tuple[Trial, ...]
    """Epochs in order; attempts after the first follow their epoch."""

    def epoch_trials(self) -> tuple[Trial, ...]:
        """The first attempt of each epoch: what means are taken over."""
        trials = self.trials
        if len(trials) == 1 and trials[0].attempt == 0:
            return trials
        return tuple(trial for trial in trials if trial.attempt == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """What is needed to rebuild a run, written before its first call."""

    run_id: str
    """Short hex id, unique in the store."""
    purpose: str
    """``run``, ``gate`` or ``promote``."""
    gate: str = ""
    """Gate name when the run belongs to one."""
    evalset: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """``{name, version, digest, n}``."""
    candidate: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """``{name, digest, kind, params}``: defaults written out."""
    scorers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """Scorer name -> signature."""
    epochs: int = 1
    seed: int = 0
    """Run seed; each (case, epoch) derives its own from it."""
    order_seed: str = ""
    """Seed of the case order (hex), or empty for file order."""
    created: str = ""
    """UTC time, ISO 8601, shown only."""
    commit: str = ""
    """Git commit of the project, with ``+dirty:DIGEST`` when the tree differs; empty outside git."""
    versions: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """Package -> version."""
    case_digests: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """Case id -> digest of every case the run may ask."""

    def to_json(self) -> dict[str, Any]:
        """JSON object of all fields."""
        return {name: thaw(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunHeader:
        """The opposite of :meth:`to_json`."""
        return cls(**freeze(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCounts:
    """Where the money went. Calls are candidate and judge calls together."""

    planned: int = 0
    """Calls that answering everything would take (epochs x cases), replayed ones included."""
    made: int = 0
    """Calls sent, retries included."""
    replayed: int = 0
    """Answers taken from the store or from a recording."""
    saved_by_early_stop: int = 0
    """Planned answers never asked for because the verdict was certain."""
    cost_usd: float = 0.0
    """Spent in this command, US dollars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished or stopped run: one candidate on one eval set."""

    header: RunHeader
    results: Mapping[str, CaseResult]
    """Case id -> result; cases never asked are absent."""
    calls: CallCounts = field(default_factory=CallCounts)
    complete: bool = False
    """True when every living case has all its epochs answered and scored."""
    stopped: str = ""
    """Why it ended early: ``verdict``, ``budget``, ``interrupted``, ``provider``, ``disk``; empty when it did not."""
    notes: tuple[str, ...] = ()
    """Sentences a person should read, of this command alone: calls whose cost is not known."""

    def failures(self) -> Sequence[tuple[str, Failure]]:
        """(case id, failure) of each answer that is a Failure, in case order."""
        return [
            (case_id, trial.output)
            for case_id, result in self.results.items()
            for trial in result.epoch_trials()
            if isinstance(trial.output, Failure)
        ]
