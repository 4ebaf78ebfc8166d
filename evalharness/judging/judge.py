"""A judge: a rubric and the seats that apply it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalharness.core.protocols import Desk
from evalharness.core.results import Failure
from evalharness.judging.assessment import Assessment, assess, vote_all
from evalharness.judging.guards import no_answer, no_answers
from evalharness.judging.items import split_items
from evalharness.judging.prompt import Prompt, prompt_for
from evalharness.judging.reply import Opinion
from evalharness.judging.rubric import CANNOT_TELL, Criterion, Rubric
from evalharness.judging.seat import Asker, Question, Seat, Spoken, Took
from evalharness.judging.subject import Subject, swapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """How one answer is looked at."""

    desk: Desk
    case_id: str
    calls: bool = True
    """False: only what is stored; else ``NotKept`` is raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What several judgements of one answer come to."""

    assessment: Assessment
    judgements: tuple[Mapping[str, Opinion], ...]
    """Criterion -> opinion of each repeat, votes of a panel already counted."""
    models: tuple[str, ...] = ()
    """Model names that the servers reported."""
    flags: tuple[str, ...] = ()
    guard: str = ""
    """Why no judge was asked, or empty."""
    took: Took = field(default_factory=Took)
    """What the judgements that were not known before took."""


class Judge:
    """Applies a rubric.

    Args:
        rubric: The rubric.
        asker: Settings, digest, era.
        seats: The models that vote; the first is the judge, the others its panel.
        escalation: Asked where the vote cannot tell, if the rubric says so.
    """

    def __init__(self, rubric: Rubric, asker: Asker, seats: Sequence[Seat], escalation: Seat | None = None) -> None:
        self.rubric = rubric
        self.asker = asker
        self.seats = tuple(seats)
        self.escalation = escalation

    @property
    def digest(self) -> str:
        """What decides a verdict: rubric, template, overrides."""
        return self.asker.digest

    @property
    def all_seats(self) -> tuple[Seat, ...]:
        """Every model that may be asked."""
        return self.seats if self.escalation is None else (*self.seats, self.escalation)

    def calls(self, judgements: int) -> int:
        """Calls that so many judgements of one answer take at most, escalation and re-asks apart."""
        orders = 2 if self.rubric.pairwise else 1
        return judgements * len(_calls(self.rubric.criteria)) * len(self.seats) * orders

    def reported(self) -> set[str]:
        """Model names that the servers of the voting seats reported in this command.

        Not the one that is asked when they cannot tell: it may have had nothing to say before.
        """
        return {name for seat in self.seats for name in seat.reported}

    async def look(
        self,
        subject: Subject,
        repeats: Sequence[int],
        inquiry: Inquiry,
        *,
        known: Sequence[Mapping[str, Opinion]] = (),
    ) -> Finding | Failure:
        """Judge one answer.

        Args:
            subject: What is judged.
            repeats: Repeat numbers to take, new or stored.
            inquiry: Where and how.
            known: Judgements of the same answer that exist already; they vote too.

        Returns:
            The finding; a Failure when the judge could not be asked.

        Raises:
            NotKept: If something is not stored and ``inquiry.calls`` is False.
        """
        guarded = self._guarded(subject)
        if guarded is not None:
            return guarded
        applicable = [criterion for criterion in self.rubric.criteria if subject.applies(criterion)]
        asked = [criterion for criterion in applicable if _has_items(criterion, subject)]
        judgements = list(known)
        models: list[str] = []
        flags: tuple[str, ...] = ()
        took = Took()
        for repeat in repeats if asked else ():
            once = await self._once(subject, asked, repeat, inquiry)
            if isinstance(once, Failure):
                return once
            judgements.append(once.opinions)
            models += once.models
            flags = once.flags
            took += once.took
        merged = vote_all(self.rubric, judgements, [criterion.id for criterion in asked])
        return Finding(
            assessment=assess(self.rubric, merged, applicable),
            judgements=tuple(judgements),
            models=tuple(dict.fromkeys(models)),
            flags=flags,
            took=took,
        )

    def prompts(self, subject: Subject) -> list[Prompt]:
        """What one judgement of an answer asks each seat, in one order; nothing where code decides."""
        if self._guarded(subject) is not None:
            return []
        asked = [one for one in self.rubric.criteria if subject.applies(one) and _has_items(one, subject)]
        return [prompt_for(self.rubric, subject, group) for group in _calls(asked)]

    def _guarded(self, subject: Subject) -> Finding | None:
        """The finding about an answer that is none; no judge is asked."""
        if not self.rubric.pairwise:
            fault = no_answer(self.rubric, subject)
            return None if not fault else _without_judge(0.0, f"{fault}: failed without a judge", fault, passed=False)
        first, second = no_answers(self.rubric, subject)
        if not first and not second:
            return None
        value = 0.5 if first and second else float(bool(first))
        return _without_judge(value, f"{first or second}: decided without a judge", first or second, passed=None)

    # --- one judgement ------------------------------------------------------------------------------------------------

    async def in_order(self, subject: Subject, repeat: int, inquiry: Inquiry) -> Finding | Failure:
        """One judgement of a pair in the order as it is, for measuring what the order does; else as ``look``."""
        guarded = self._guarded(subject)
        if guarded is not None or not self.rubric.pairwise:
            return guarded or await self.look(subject, [repeat], inquiry)
        asked = [criterion for criterion in self.rubric.criteria if subject.applies(criterion)]
        once = await self._once(subject, asked, repeat, inquiry, both=False)
        if isinstance(once, Failure):
            return once
        assessment = assess(self.rubric, once.opinions, asked)
        return Finding(assessment=assessment, judgements=(once.opinions,), models=once.models, flags=once.flags)

    async def _once(
        self, subject: Subject, asked: Sequence[Criterion], repeat: int, inquiry: Inquiry, *, both: bool = True
    ) -> _Once | Failure:
        opinions: dict[str, Opinion] = {}
        models: list[str] = []
        flags: tuple[str, ...] = ()
        took = Took()
        for group in _calls(asked):
            prompt = prompt_for(self.rubric, subject, group)
            flags = flags or prompt.flags
            ask = self._seat if both else self._ask
            said = [await ask(seat, prompt, subject, repeat, inquiry) for seat in self.seats]
            failures = [answer for answer in said if isinstance(answer, Failure)]
            if len(failures) == len(said):
                return failures[0]
            spoken = [answer for answer in said if isinstance(answer, Spoken)]
            models += [answer.model for answer in spoken]
            took = sum((answer.took for answer in spoken), took)
            silent: list[Mapping[str, Opinion]] = [{} for _ in failures]
            votes = [*(answer.opinions for answer in spoken), *silent]
            opinions |= vote_all(self.rubric, votes, [criterion.id for criterion in group])
        escalated = await self._escalate(subject, asked, opinions, repeat, inquiry)
        if isinstance(escalated, Failure):
            return escalated
        if escalated is not None:
            opinions |= escalated.opinions
            models.append(escalated.model)
            took += escalated.took
        return _Once(opinions=opinions, models=tuple(models), flags=flags, took=took)

    async def _escalate(
        self,
        subject: Subject,
        asked: Sequence[Criterion],
        opinions: Mapping[str, Opinion],
        repeat: int,
        inquiry: Inquiry,
    ) -> Spoken | Failure | None:
        if self.escalation is None or self.rubric.cannot_tell != "escalate":
            return None
        open_ones = [criterion for criterion in asked if _is_open(opinions[criterion.id])]
        if not open_ones:
            return None
        prompt = prompt_for(self.rubric, subject, open_ones)
        return await self._seat(self.escalation, prompt, subject, repeat, inquiry)

    async def _seat(
        self, seat: Seat, prompt: Prompt, subject: Subject, repeat: int, inquiry: Inquiry
    ) -> Spoken | Failure:
        """The opinion of one seat; pairwise: both orders, and a tie where they differ."""
        first = await self._ask(seat, prompt, subject, repeat, inquiry)
        if not self.rubric.pairwise or isinstance(first, Failure):
            return first
        other = swapped(subject)
        second = await self._ask(seat, prompt_for(self.rubric, other, prompt.criteria), other, repeat, inquiry)
        if isinstance(second, Failure):
            return second
        both = both_orders(first.opinions, second.opinions)
        return Spoken(opinions=both, model=first.model, took=first.took + second.took)

    async def _ask(
        self, seat: Seat, prompt: Prompt, subject: Subject, repeat: int, inquiry: Inquiry
    ) -> Spoken | Failure:
        question = Question(prompt=prompt, subject=subject, repeat=repeat, case_id=inquiry.case_id)
        return await self.asker.ask(seat, question, inquiry.desk, calls=inquiry.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Once:
    opinions: Mapping[str, Opinion]
    models: tuple[str, ...]
    flags: tuple[str, ...]
    took: Took


def both_orders(first: Mapping[str, Opinion], second: Mapping[str, Opinion]) -> dict[str, Opinion]:
    """Opinions on a pair seen in both orders: a verdict that turns with the order is a tie.

    Args:
        first: With the pair as it is.
        second: With the two answers swapped.
    """
    turned = {"A": "B", "B": "A"}
    merged = {}
    for name, opinion in first.items():
        other = second[name]
        if CANNOT_TELL in (opinion.verdict, other.verdict):
            merged[name] = Opinion(verdict=CANNOT_TELL, reason=opinion.reason, problem=opinion.problem or other.problem)
        elif turned.get(other.verdict, other.verdict) == opinion.verdict:
            merged[name] = opinion
        else:
            merged[name] = Opinion(verdict="tie", reason="the verdict turned with the order", quote=opinion.quote)
    return merged


def _calls(asked: Sequence[Criterion]) -> list[list[Criterion]]:
    """Criteria that share a call, and the isolated ones alone."""
    together = [criterion for criterion in asked if not criterion.isolate]
    return [*([together] if together else []), *([criterion] for criterion in asked if criterion.isolate)]


def _has_items(criterion: Criterion, subject: Subject) -> bool:
    return criterion.type != "itemised" or bool(split_items(criterion.items, subject.fields))


def _is_open(opinion: Opinion) -> bool:
    return CANNOT_TELL in (opinion.verdict if isinstance(opinion.verdict, tuple) else (opinion.verdict,))


def _without_judge(value: float, reason: str, guard: str, *, passed: bool | None) -> Finding:
    assessment = Assessment(value=value, passed=passed, parts={}, opinions={}, reason=reason)
    return Finding(assessment=assessment, judgements=(), guard=guard)
