"""Behaviour groups scored as one: ``invariance`` and ``direction``.

| word | parameters | value of a group |
| --- | --- | --- |
| ``invariance`` | ``of``, or ``labels``, or neither (the text); ``tol = 1e-9``; ``variants = "*"`` | share of variants whose verdict, label or text is the base's; passed when all are |
| ``direction`` | ``expect`` (required), the same | share of variants that moved as expected; passed when all did |

``expect``: ``flips`` (another label or text than the base's), ``not_lower`` ``not_higher`` ``higher`` ``lower`` (the value of ``of``, with
``tol``), ``shorter`` ``longer`` (words of the answer), ``unknown`` (the variant says that the answer is not known, the base does not).

A group is a base (a case with ``group`` and no ``variant``) and its variants. It has one value, which stands at its base; the
variants are listed in the evidence with what was seen. An answer that the candidate failed to give is unlike any other. While members
are missing (the infrastructure lost them) the group is missing too, with bounds: the share if all of them held, and if none did.

Source: Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList" (2005.04118), sections 2.2 and 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.protocols import GroupScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.scorers.base import Facts
from evalharness.scorers.behaviour_answers import Answer, Group, Reader, group_of
from evalharness.scorers.parameters import Params
from evalharness.scorers.patterns import Pattern

EXPECTATIONS: Final = ("flips", "not_lower", "not_higher", "higher", "lower", "shorter", "longer", "unknown")
_BY_VALUE: Final = frozenset({"not_lower", "not_higher", "higher", "lower"})
NOT_KNOWN: Final = (
    r"\b(do(es)? not|don['’]t|doesn['’]t|did not|didn['’]t|cannot|can['’]t|could not|couldn['’]t|is not|isn['’]t|are not|aren['’]t|was not|not)"
    r" (know|say|says|state|mention|specify|contain|provide|include|tell|determine|find|answer|enough|known|stated|given|mentioned"
    r"|specified|provided|clear|possible|available|be (determined|answered|found|known))"
    r"|\b(unknown|unclear|unspecified|not in the (text|context|passages?|documents?)|no (information|answer|mention|evidence|data))\b"
    r"|\b(nicht (bekannt|angegeben|genannt|enthalten)|weiß (ich )?nicht|keine (angabe|angaben|information|informationen))\b"
)
"""English and German phrases that say that an answer is not known; ``pattern`` replaces them."""


class OverGroup(Facts):
    """A number about a behaviour group; subclasses say what holds for one variant."""

    needs = frozenset({"group"})

    def __init__(self, params: Params, reader: Reader) -> None:
        self._variants = params.texts("variants", default=("*",))
        self._reader = reader
        self.needs = reader.needs
        super().__init__(params)

    def score_group(self, outputs: Mapping[str, Output | Failure], cases: Sequence[Case]) -> ScoreResult:
        """The value of a group, ``Unscored`` where it is no group, a ``Failure`` with bounds while members are missing.

        Args:
            outputs: Answers by case id; a member without one is missing.
            cases: The members.
        """
        group = group_of(cases, self._variants)
        if isinstance(group, Unscored):
            return group
        read: dict[str, Answer | Failure] = {}
        for case in (group.base, *group.variants):
            answer = self._read(outputs.get(case.id), case)
            if isinstance(answer, Unscored):
                return answer
            read[case.id] = answer
        return self._judged(group, read)

    def holds(self, base: Answer, variant: Answer) -> bool:
        """Whether one variant behaved; subclasses write it."""
        raise NotImplementedError

    def told(self, share: int, total: int) -> str:
        """The sentence for people; subclasses write it."""
        raise NotImplementedError

    def _read(self, output: Output | Failure | None, case: Case) -> Answer | Unscored | Failure:
        if output is None:
            return Failure(stage="candidate", kind="not_asked", message=f"{case.id} was not asked in this run")
        return self._reader.read(output, case)

    def _judged(self, group: Group, read: Mapping[str, Answer | Failure]) -> ScoreResult:
        base = read[group.base.id]
        known = {case.id: self._verdict(base, read[case.id]) for case in group.variants}
        held, total = sum(v is True for v in known.values()), len(known)
        missing = [name for name, verdict in known.items() if verdict is None]
        if missing:
            lost = ", ".join(missing[:3]) if not isinstance(base, Failure) else group.base.id
            low, high = held / total, (held + len(missing)) / total
            return Failure(
                stage="scorer",
                kind="members_missing",
                message=f"{len(missing)} of {total} variants cannot be compared: no answer to {lost}; {low:.3g} to {high:.3g}",
                bounds=(low, high),
            )
        members = {
            case.id: {"variant": case.variant, "holds": known[case.id], "saw": _saw(read[case.id])}
            for case in group.variants
        }
        failed = [f"{case.variant}: {_saw(read[case.id])}" for case in group.variants if not known[case.id]]
        reason = self.told(held, total) + (f"; base {_saw(base)}, but {'; '.join(failed[:3])}" if failed else "")
        evidence: dict[str, Any] = {"base": {group.base.id: _saw(base)}, "members": members}
        return self.finish(Score(value=held / total, passed=held == total, reason=reason, evidence=evidence))

    def _verdict(self, base: Answer | Failure, variant: Answer | Failure) -> bool | None:
        # What the candidate broke is known whatever the other side said.
        if any(isinstance(side, Answer) and side.key is None for side in (base, variant)):
            return False
        if isinstance(base, Failure) or isinstance(variant, Failure):
            return None
        return self.holds(base, variant)


def _saw(answer: Answer | Failure) -> str:
    return answer.saw if isinstance(answer, Answer) else answer.message


class Invariance(OverGroup):
    """``invariance``: what must not matter does not."""

    def __init__(self, params: Params) -> None:
        super().__init__(params, Reader(params))

    def holds(self, base: Answer, variant: Answer) -> bool:
        """The same verdict, label or text."""
        return self._reader.same(base, variant)

    def told(self, share: int, total: int) -> str:
        """How many variants are like the base."""
        return f"{share} of {total} variants are answered like the base"


class Direction(OverGroup):
    """``direction``: what must matter does, and the right way."""

    def __init__(self, params: Params) -> None:
        if not params.has("expect"):
            params.refuse("expect", " or ".join(EXPECTATIONS), None)
        self._expect = params.choice("expect", EXPECTATIONS)
        self._move = params.number("by", default=0.0, low=0.0)
        pattern = params.text("pattern", default=NOT_KNOWN)
        try:
            self._not_known = Pattern(pattern, "i")
        except ValueError as error:
            params.refuse("pattern", f"a pattern ({error})", pattern)
        if self._expect == "unknown" and params.has("of"):
            params.refuse("of", 'nothing: expect = "unknown" reads the text', params.spec.component.params["of"])
        super().__init__(params, _TextReader(params, self._expect, self._not_known))

    def holds(self, base: Answer, variant: Answer) -> bool:
        """Whether the variant moved as expected."""
        if self._expect == "flips":
            return not self._reader.same(base, variant)
        if self._expect == "unknown":
            return bool(variant.passed and not base.passed)
        one, other = base.value or 0.0, variant.value or 0.0
        rise, least = other - one, self._move
        slack = 1e-9
        return {
            "not_lower": rise >= -least - slack,
            "not_higher": rise <= least + slack,
            "higher": rise > max(least, slack),
            "lower": -rise > max(least, slack),
            "shorter": -rise > least,
            "longer": rise > least,
        }[self._expect]

    def told(self, share: int, total: int) -> str:
        """How many variants moved as expected."""
        return f"{share} of {total} variants are {self._expect.replace('_', ' ')} as expected"


class _TextReader(Reader):
    """Reads what ``direction`` compares beside values: the number of words, and whether an answer says it does not know."""

    def __init__(self, params: Params, expect: str, not_known: Pattern) -> None:
        self._expect = expect
        self._not_known = not_known
        super().__init__(params, of_required=expect in _BY_VALUE)

    def read(self, output: Output | Failure, case: Case) -> Answer | Unscored | Failure:
        """As the expectation needs it."""
        if isinstance(output, Failure) or self._expect not in ("shorter", "longer", "unknown"):
            return super().read(output, case)
        text = output.text or ""
        if not text.strip():
            return Answer(key=None, saw="an empty answer")
        if self._expect != "unknown":
            words = len(re.findall(r"\S+", text))
            return Answer(key=words, value=float(words), saw=f"{words} words")
        found = self._not_known.search(text)
        if isinstance(found, Failure):
            return found
        word = "says it is not known" if found is not None else "gives an answer"
        return Answer(key=word, passed=found is not None, saw=f"{word}: {text[:120]!r}")


FAMILY: Final[Mapping[str, Callable[[Params], GroupScorer]]] = {"invariance": Invariance, "direction": Direction}
