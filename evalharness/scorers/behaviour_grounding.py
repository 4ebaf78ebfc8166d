"""``grounding``: what the answer cites exists, and says what is quoted.

| word | parameters | value |
| --- | --- | --- |
| ``grounding`` | ``cite = "all"`` or ``"some"``, ``quote_words = 3`` | share of grounded sentences; passed when all are (or from ``threshold`` on) |

A sentence is grounded when it cites at least one passage, every passage that it cites exists, and each text that it quotes occurs in one of the
passages it cites. ``cite = "some"`` leaves sentences without a citation out of the count; with none left the value is 0. A citation is
``[id]`` or ``[1]`` (the place in the list, from 1), also ``[1, 3]`` and ``[1][3]``; one that stands behind the full stop belongs to the sentence before
it. A quotation is a text of at least ``quote_words`` words in ``"..."``, ``“...”``, ``„...“`` or ``«...»``; case, white space and kinds of quotes do not count.

Passages are the documents that the candidate retrieved, where it gave any with text, else the case's ``context``. Whether a sentence *follows*
from its passage is for a judge (rubric ``faithfulness``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Output, Score, ScoreResult, Unscored
from evalharness.core.sentences import sentences
from evalharness.scorers.base import Scorer, shown
from evalharness.scorers.parameters import Params

_CITATION: Final = re.compile(
    r"\[([A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:\s?[,;]\s?[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,9})\](?!\()"
)
_QUOTATION: Final = re.compile(r"[\"“„]([^\"“”„]{1,2000})[\"”“]|«([^«»]{1,2000})»")
_LOOSE_CITATIONS: Final = re.compile(r"^(?:\s*\[[^\[\]]{1,200}\])+\s*[.;]?$")
_QUOTES: Final = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Passages:
    """What may be cited, by id and by place."""

    by_id: Mapping[str, str]
    in_order: tuple[str, ...]

    def find(self, name: str) -> str | None:
        """The folded text of a passage, or None where there is none of this name."""
        if name.casefold() in self.by_id:
            return self.by_id[name.casefold()]
        if name.isascii() and name.isdigit() and len(name) < 6 and 1 <= int(name) <= len(self.in_order):
            return self.in_order[int(name) - 1]
        return None


class Grounding(Scorer):
    """``grounding``: sentences with citations that hold."""

    asserts = True

    def __init__(self, params: Params) -> None:
        self._cite = params.choice("cite", ("all", "some"))
        self._quote_words = params.integer("quote_words", default=3, low=1)
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Look at each sentence."""
        passages = passages_of(output, case)
        if not passages.in_order:
            return Unscored(reason="there is no passage to cite: no context, and no documents with text")
        parts = _with_their_citations(sentences(output.text or ""))
        looked_at = [part for part in parts if self._cite == "all" or _CITATION.search(part)]
        faults = {part: fault for part in looked_at if (fault := self._fault(part, passages))}
        if not looked_at:
            return Score(
                value=0.0, passed=False, reason="no sentence cites anything", evidence={"sentences": len(parts)}
            )
        grounded = sum(part not in faults for part in looked_at)
        reason = f"{grounded} of {len(looked_at)} sentences are grounded"
        reason += "".join(f"; {fault} in {shown(part, 80)}" for part, fault in list(faults.items())[:3])
        evidence = {
            "sentences": len(parts),
            "looked_at": len(looked_at),
            "grounded": grounded,
            "faults": [{"sentence": part[:200], "fault": fault} for part, fault in list(faults.items())[:20]],
        }
        return Score(value=grounded / len(looked_at), passed=not faults, reason=reason, evidence=evidence)

    def _fault(self, sentence: str, passages: Passages) -> str:
        """What is wrong with the citations and quotations of a sentence; empty when nothing is."""
        names = [name.strip() for match in _CITATION.finditer(sentence) for name in re.split(r"[,;]", match[1])]
        if not names:
            return "no citation"
        found = {name: passages.find(name) for name in names}
        missing = [name for name, text in found.items() if text is None]
        if missing:
            return f"cites {missing[0]!r}, which does not exist"
        cited = [text for text in found.values() if text is not None]
        for match in _QUOTATION.finditer(_CITATION.sub("", sentence)):
            quoted = _folded(match[1] or match[2] or "").strip(" .,;:!?")
            if len(quoted.split()) >= self._quote_words and not any(quoted in text for text in cited):
                return f"quotes {shown(quoted, 60)}, which no cited passage says"
        return ""


def passages_of(output: Output, case: Case) -> Passages:
    """The documents of an answer where they have text, else the case's context."""
    pairs: Sequence[tuple[str, str]] = [(d.id, d.text) for d in output.documents if d.text]
    if not pairs:
        pairs = [
            (str(part.get("id", "")), str(part.get("text", ""))) if isinstance(part, Mapping) else ("", str(part))
            for part in case.context
        ]
    folded = tuple(_folded(text) for _, text in pairs)
    by_id = {name.casefold(): text for (name, _), text in zip(pairs, folded, strict=True) if name}
    return Passages(by_id=by_id, in_order=folded)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(_QUOTES).casefold().split())


def _with_their_citations(parts: Sequence[str]) -> list[str]:
    """Sentences, each with the citations that stand behind its full stop."""
    joined: list[str] = []
    for part in parts:
        leading = re.match(r"(?:\s*\[[^\[\]]{1,200}\])+", part)
        if joined and leading and _CITATION.match(part):
            joined[-1] += f" {leading[0].strip()}"
            part = part[leading.end() :].strip(" .;")  # noqa: PLW2901 - what is left of the sentence
        if part and not _LOOSE_CITATIONS.match(part) and any(map(str.isalnum, part)):
            joined.append(part)
    return joined


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"grounding": Grounding}
