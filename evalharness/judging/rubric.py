"""A rubric: what a judge is asked, and how its verdicts become a score. The file format is in ``docs/rubrics.md``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from evalharness.core.specs import EMPTY

Kind: TypeAlias = Literal["boolean", "ordinal", "numeric", "pairwise", "itemised"]

FIELDS: Final = ("input", "output", "reference", "context", "conversation", "tools")
"""What a judge may see of a case and its answer."""
CANNOT_TELL: Final = "cannot_tell"
"""The verdict that is always allowed."""
MET, NOT_MET = "met", "not_met"
PAIR_VERDICTS: Final = ("A", "B", "tie")
ITEM_SOURCES: Final = ("output.sentences", "reference.sentences", "context.chunks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One verdict that a criterion allows: a level of an ordinal scale, or a verdict on one item."""

    id: str
    """What the judge returns."""
    value: float | None
    """0..1, or None: an item with this verdict is left out."""
    when: str = ""
    """When it is the right one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One question of a rubric."""

    id: str
    """Unique in its rubric."""
    type: Kind
    """``boolean``, ``ordinal``, ``numeric``, ``pairwise`` or ``itemised``."""
    ask: str
    """The question."""
    weight: float = 1.0
    """> 0."""
    must_pass: bool = False
    """Without it the answer does not pass, whatever the score."""
    at_least: float | None = None
    """Lowest value at which ``must_pass`` holds; None: 1 for boolean, else 0.5."""
    evidence: str = "none"
    """Field that a quote must come from, or ``none``."""
    applies_if: str | None = None
    """``tags.WORD`` or ``has.FIELD``; elsewhere the criterion is left out."""
    isolate: bool = False
    """True for a call of its own."""
    expect: bool = True
    """Boolean: False where "not met" is the good answer."""
    options: tuple[Option, ...] = ()
    """Ordinal: the levels. Itemised: the verdicts on an item."""
    range: tuple[float, float] = (0.0, 1.0)
    """Numeric: lowest and highest number."""
    better: Literal["higher", "lower"] = "higher"
    """Numeric: which way is better."""
    items: str = ""
    """Itemised: what is split and numbered, a word of ``ITEM_SOURCES``."""
    fatal: tuple[str, ...] = ()
    """Itemised: verdicts of which a single one makes the value 0."""
    combine: Literal["mean", "average_precision"] = "mean"
    """Itemised: how the items' values become one."""

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The closed list of words that the judge may return, without ``cannot_tell``; empty for numeric."""
        if self.type == "boolean":
            return (MET, NOT_MET)
        return PAIR_VERDICTS if self.type == "pairwise" else tuple(option.id for option in self.options)

    def holds(self, value: float) -> bool:
        """Whether a value of this criterion is good enough for ``must_pass``."""
        floor = self.at_least if self.at_least is not None else (1.0 if self.type == "boolean" else 0.5)
        return value >= floor - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """How criteria become one score."""

    pass_score: float
    """0..1: lowest score that passes."""
    min_assessed: float = 0.8
    """0..1: share of the weight that must be assessed, else the answer is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSettings:
    """Which model judges, and how it is asked."""

    model: str
    """Pinned model id."""
    base_url: str | None = None
    """Endpoint; None: OPENAI_BASE_URL, else the provider's own."""
    api_key_env: str | None = None
    """Variable that holds the key."""
    temperature: float | None = 0.0
    """None sends none: some models refuse the knob."""
    seed: int | None = None
    max_output_tokens: int = 1000
    token_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # noqa: S105 - the name of a field
    """What the endpoint calls that limit."""
    first: int = 1
    """Judgements of an answer to begin with."""
    on_change: int = 3
    """Judgements in each arm where the arms differ; odd."""
    panel: tuple[str, ...] = ()
    """Further models; all seats vote, silence is no vote."""
    escalate_to: str | None = None
    """Model that is asked where the first cannot tell."""
    probabilities: bool = False
    """Scores are the mean of the verdict's distribution; without log-probabilities that is an error."""
    reply: Literal["auto", "json_schema", "json_object"] = "auto"
    """How the form of the reply is asked for; ``auto``: a strict schema, a bare object where the server knows none."""
    max_chars: int = 20000
    """Longest text shown to the judge; a cut is a flag, and the judge is told."""
    timeout: float = 120.0
    """Seconds for one call."""

    @property
    def seats(self) -> tuple[str, ...]:
        """The models that vote."""
        return (self.model, *self.panel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Human:
    """How many people gave a verdict, and how many of them agree with it."""

    raters: int
    agree: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An answer with verdicts that people agreed on, shown in the prompt."""

    fields: Mapping[str, Any]
    """What the judge sees, by field; pairwise rubrics have ``output_a`` and ``output_b``."""
    verdicts: Mapping[str, Any]
    """Criterion -> verdict; itemised ones a list, one an item."""
    why: str = ""
    human: Human | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """A rubric file, read and checked."""

    id: str
    """Equals the file's stem."""
    version: int
    title: str
    uses: tuple[str, ...]
    """Words of ``FIELDS``."""
    task: str
    """One paragraph of setting."""
    criteria: tuple[Criterion, ...]
    aggregate: Aggregate
    cannot_tell: Literal["exclude", "fail", "escalate"]
    short_answers: bool
    """True where a single word or a short refusal may be a whole answer: it is then judged, not failed in code."""
    retries: int
    """Re-asks after an invalid reply; then it is an error."""
    judge: JudgeSettings
    examples: tuple[Example, ...] = ()
    anchors: Path | None = None
    """File of labelled answers."""
    anchors_minimum: int = 40
    digest: str = ""
    """SHA-256 of the canonical content without title, version and anchors."""
    path: str = ""
    """For messages."""
    content: Mapping[str, Any] = field(default_factory=lambda: EMPTY, repr=False)
    """The file as parsed."""

    @property
    def pairwise(self) -> bool:
        """True when it compares two answers; then all of its criteria do."""
        return self.criteria[0].type == "pairwise"

    def criterion(self, name: str) -> Criterion:
        """A criterion by id.

        Raises:
            KeyError: If there is none.
        """
        for criterion in self.criteria:
            if criterion.id == name:
                return criterion
        raise KeyError(name)
