"""``ifeval``: the 25 verifiable instructions of IFEval.

| word | parameters | value |
| --- | --- | --- |
| ``ifeval`` | ``instruction`` (such as ``keywords:existence``), ``kwargs`` (its arguments by the original's names), ``loose = false``, ``compat = false`` | 1 when the output follows the instruction, else 0 |

Without ``instruction`` the case says what is asked: ``target = {"instructions": [{"instruction": .., "kwargs": {..}}, ..]}``;
then the value is 1 when all of them are followed (the original's prompt level), and ``parts`` holds each one's own score.

``loose``: one of eight variants of the text follows: with and without its first line, its last line, and asterisks.
``compat = true``: the original's faults are kept (``ifeval_rules.py`` lists them). Strict means that the text as it is
follows; a blank text never does.

Source: Zhou et al. 2023, arXiv 2311.07911; the instructions' names and arguments are those of the data set google/IFEval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.nearest import name_tip
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.core.specs import EMPTY, canonical_json, thaw
from evalharness.scorers.base import Scorer, shown
from evalharness.scorers.ifeval_arguments import MOST_CHARACTERS, Arguments, longest_text, read_arguments
from evalharness.scorers.ifeval_rules import INSTRUCTIONS, Instruction
from evalharness.scorers.parameters import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One instruction with its checked arguments."""

    name: str
    instruction: Instruction
    arguments: Arguments
    longest: int
    """Characters of an output that are checked at most."""


class IFEval(Scorer):
    """``ifeval``: the output follows what was asked, by rules that code can check."""

    binary = asserts = True

    def __init__(self, params: Params) -> None:
        self._loose = params.flag("loose")
        self._compat = _compat(params)
        self._given: tuple[Asked, ...] | None = None
        if params.has("instruction"):
            self._given = (self._from_table(params),)
        else:
            if params.has("kwargs"):
                params.refuse("instruction", "the instruction that 'kwargs' belong to", None)
            self.needs = frozenset({"target"})
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Check every instruction that is asked for."""
        try:
            asked = self._given if self._given is not None else self._from_case(case)
        except ValueError as error:
            return Failure(stage="scorer", kind="bad_target", message=f"case {case.id}: {error}")
        if asked is None:
            return Unscored(reason="the case's target asks for no instructions, and the scorer has none")
        text = output.text or ""
        longest = min(one.longest for one in asked)
        if len(text) > longest:
            message = f"the output has {len(text)} characters, at most {longest} are checked"
            return Failure(stage="scorer", kind="too_long", message=message, blame="candidate")
        scores = [self._score_of(text, one) for one in asked]
        return scores[0] if self._given is not None else self._together(asked, scores)

    def _score_of(self, text: str, asked: Asked) -> Score:
        follows, seen = asked.instruction.follows(text, asked.arguments, compat=self._compat)
        variant = "the text as it is"
        if self._loose and not follows:
            for name, changed in _loosened(text):
                holds, other = asked.instruction.follows(changed, asked.arguments, compat=self._compat)
                if holds:
                    follows, seen, variant = True, other, name
                    break
        evidence = {"instruction": asked.name, "seen": seen[:400], "in": variant}
        said = seen if variant == "the text as it is" else f"{seen} ({variant})"
        return self.verdict(follows, f"{asked.name}: {said}", evidence)

    def _together(self, asked: tuple[Asked, ...], scores: list[Score]) -> Score:
        failed = [score.reason for score in scores if not score.passed]
        parts = {f"{place}:{one.name}": score for place, (one, score) in enumerate(zip(asked, scores, strict=True), 1)}
        said = "; ".join(failed) or f"follows all {len(scores)} instructions"
        evidence = {"followed": len(scores) - len(failed), "asked": len(scores)}
        score = self.verdict(not failed, said, evidence)
        return Score(value=score.value, passed=score.passed, reason=score.reason, evidence=score.evidence, parts=parts)

    # --- what is asked ------------------------------------------------------------------------------------------------

    def _from_table(self, params: Params) -> Asked:
        name = params.text("instruction")
        kwargs = params.value("kwargs", default=EMPTY)
        params.note("kwargs", canonical_json(thaw(kwargs)))
        if name not in INSTRUCTIONS:
            params.refuse("instruction", "one of IFEval's 25", name, tip=name_tip(name, INSTRUCTIONS, title="names"))
        try:
            return self._asked(name, kwargs)
        except ValueError as error:
            key = "kwargs" if params.has("kwargs") else "instruction"
            params.refuse(key, f"the arguments of {name} ({error})", kwargs)

    def _from_case(self, case: Case) -> tuple[Asked, ...] | None:
        target = case.target
        items = target.get("instructions") if isinstance(target, Mapping) else None
        if items is None:
            return None
        if not isinstance(items, tuple) or not items or not all(isinstance(item, Mapping) for item in items):
            raise ValueError("target.instructions is a list of {instruction, kwargs}")
        return tuple(self._asked(item.get("instruction"), item.get("kwargs") or EMPTY) for item in items)

    def _asked(self, name: Any, kwargs: Any) -> Asked:
        instruction = INSTRUCTIONS.get(name) if isinstance(name, str) else None
        if instruction is None:
            raise ValueError(f"no instruction {shown(str(name), 60)}")
        if not isinstance(kwargs, Mapping):
            raise ValueError("kwargs is an object of arguments")  # noqa: TRY004 - a wrong value of data, said as such
        arguments = read_arguments(instruction.kinds, kwargs, compat=self._compat)
        if arguments.get("nth_paragraph", 0) > arguments.get("num_paragraphs", 0):
            raise ValueError("nth_paragraph is more than num_paragraphs")
        longest = longest_text(instruction.kinds, arguments) if self._compat else MOST_CHARACTERS
        return Asked(name=str(name), instruction=instruction, arguments=arguments, longest=longest)


def _compat(params: Params) -> bool:
    """``compat``: true, or ``"ifeval"``, the name of what it is compatible with."""
    value = params.value("compat", default=False)
    if value not in (True, False, "ifeval") or isinstance(value, (int, float)) is not isinstance(value, bool):
        params.refuse("compat", 'true, false or "ifeval"', value)
    params.note("compat", bool(value))
    return bool(value)


def _loosened(text: str) -> Iterator[tuple[str, str]]:
    """The seven other readings of an answer, as the original makes them."""
    lines = text.split("\n")
    first, last, both = ("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))
    yield "without asterisks", text.replace("*", "")
    yield "without its first line", first
    yield "without its last line", last
    yield "without its first and last line", both
    yield "without its first line and asterisks", first.replace("*", "")
    yield "without its last line and asterisks", last.replace("*", "")
    yield "without its first and last line and asterisks", both.replace("*", "")


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"ifeval": IFEval}
