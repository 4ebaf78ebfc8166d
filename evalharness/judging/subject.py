"""What a judge looks at: the fields of a case and its answer, and the case's tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.results import Output
from evalharness.core.specs import canonical_json
from evalharness.judging.labels import Label
from evalharness.judging.rubric import Criterion, Rubric

PAIR: Final = ("output_a", "output_b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One thing to judge."""

    fields: Mapping[str, Any]
    """By the words of ``rubric.FIELDS``; pairwise: ``output_a`` and ``output_b``. A field without content is not there."""
    tags: tuple[str, ...] = ()

    def text(self, field: str) -> str:
        """A field as one text, as quotes are looked for in it; empty when it is not there."""
        if field == "output" and field not in self.fields:
            return "\n".join(self.text(name) for name in PAIR)
        return flat(self.fields.get(field))

    def applies(self, criterion: Criterion) -> bool:
        """Whether a criterion applies here."""
        if criterion.applies_if is None:
            return True
        kind, _, word = criterion.applies_if.partition(".")
        return word in self.tags if kind == "tags" else bool(self.text(word).strip())


def subject_of(rubric: Rubric, output: Output, case: Case) -> Subject:
    """What a rubric's judge sees of an answer to a case.

    ``reference`` is the target; ``context`` the documents that the answer came with, else the case's own; ``conversation``
    the messages of the input; ``tools`` the calls in the answer's trace.
    """
    found = {
        "input": case.input if isinstance(case.input, str) else case.prompt_text or canonical_json(case.input),
        "output": output.text or "",
        "reference": case.target,
        "context": _context(output, case),
        "conversation": case.input if isinstance(case.input, tuple) else None,
        "tools": tuple(call for message in output.messages for call in message.get("tool_calls") or ()),
    }
    fields = {name: found[name] for name in rubric.uses if found[name] not in (None, ())}
    return Subject(fields=fields, tags=case.tags)


def pair_of(rubric: Rubric, first: Output, second: Output, case: Case) -> Subject:
    """What a pairwise judge sees: the first answer as ``output_a``, the second as ``output_b``."""
    fields = dict(subject_of(rubric, first, case).fields)
    fields.pop("output", None)
    return Subject(fields={**fields, "output_a": first.text or "", "output_b": second.text or ""}, tags=case.tags)


def subject_of_label(label: Label) -> Subject:
    """What a judge sees of a labelled answer."""
    return Subject(fields=label.fields, tags=label.tags)


def swapped(subject: Subject) -> Subject:
    """The same two answers in the other order."""
    return Subject(
        fields={**subject.fields, PAIR[0]: subject.fields[PAIR[1]], PAIR[1]: subject.fields[PAIR[0]]},
        tags=subject.tags,
    )


def flat(value: Any) -> str:
    """A value as one text: lists line by line, passages and messages by what they say, the rest as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (tuple, list)):
        return "\n".join(flat(part) for part in value)
    if isinstance(value, Mapping):
        for key in ("text", "content"):
            if isinstance(value.get(key), str):
                return str(value[key])
    return canonical_json(value)


def _context(output: Output, case: Case) -> tuple[Any, ...]:
    retrieved = tuple({"id": d.id, "text": d.text} for d in output.documents if d.text is not None)
    return retrieved or case.context
