"""Which keys each table of a rubric may hold, what their values may be, and what they mean.

One table for the reader (``rubric_file``), the JSON Schema (``schema``) and ``docs/rubrics.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from evalharness.config.rules import FLAG, TABLE, TEXT, TEXTS, Choice, Either, ListOf, Number, Rule
from evalharness.judging.rubric import FIELDS, ITEM_SOURCES

FORMAT: Final = 1
"""``evalh_rubric`` of this version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A short name: what an id may be."""

    pattern: str = r"[a-z][a-z0-9_-]{0,39}"
    called: str = "a word of small letters, digits, - and _ (at most 40, a letter first)"

    @property
    def expected(self) -> str:
        """What a person should have written."""
        return self.called

    def accepts(self, value: Any) -> bool:
        """True for a string that matches in full."""
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None

    def read(self, value: Any) -> Any:
        """The string."""
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key: its rule, what it means, and whether the table needs it."""

    rule: Rule
    text: str
    needed: bool = False


Keys = Mapping[str, Key]
ID: Final = Word()
NUMBER: Final = Number()
SHARE: Final = Number(low=0, high=1)
COUNT: Final = Number(whole=True, low=1)
ANY_VALUE: Final = Either(rules=(TEXT, TABLE, ListOf(item=Either(rules=(TEXT, TABLE)))))
CONDITION: Final = Word(
    pattern=rf"tags\.[A-Za-z0-9_.-]+|has\.(?:{'|'.join(FIELDS)})",
    called=f"tags.WORD, or has. and one of {', '.join(FIELDS)}",
)

TOP: Final[Keys] = {
    "evalh_rubric": Key(rule=Number(whole=True, low=FORMAT, high=FORMAT), text="The format, 1.", needed=True),
    "id": Key(rule=ID, text="Equals the file's name without `.toml`.", needed=True),
    "version": Key(rule=COUNT, text="Whole number; goes up whenever the content changes.", needed=True),
    "title": Key(rule=TEXT, text="For people; no part of the digest.", needed=True),
    "uses": Key(rule=ListOf(item=Choice(words=FIELDS), least=1), text="What the judge may see.", needed=True),
    "task": Key(rule=TEXT, text="The setting, one paragraph.", needed=True),
    "criteria": Key(rule=ListOf(item=TABLE, least=1), text="The questions, at most 12 in one call.", needed=True),
    "aggregate": Key(rule=TABLE, text="How criteria become one score.", needed=True),
    "short_answers": Key(
        rule=FLAG,
        text="true: one word or a short refusal may be a whole answer, whatever the reference is. Default false.",
    ),
    "cannot_tell": Key(rule=TABLE, text="What becomes of a criterion that the judge cannot tell."),
    "on_invalid": Key(rule=TABLE, text="What becomes of a reply that is no valid verdict."),
    "judge": Key(rule=TABLE, text="Which model judges, and how it is asked.", needed=True),
    "anchors": Key(rule=TABLE, text="Labelled answers outside the prompt; no part of the digest."),
    "examples": Key(rule=ListOf(item=TABLE), text="Answers with agreed verdicts, shown in the prompt."),
}
AGGREGATE: Final[Keys] = {
    "score": Key(
        rule=Word(pattern="weighted_mean", called='"weighted_mean"'), text="`weighted_mean`, the one there is."
    ),
    "pass_score": Key(rule=SHARE, text="Lowest score that passes.", needed=True),
    "min_assessed": Key(
        rule=SHARE, text="Share of the weight that must be assessed; below it nothing is. Default 0.8."
    ),
}
CANNOT: Final[Keys] = {
    "action": Key(
        rule=Choice(words=("exclude", "fail", "escalate")),
        text="`exclude` leaves the criterion out, `fail` counts 0, `escalate` asks `judge.escalate_to`, then excludes.",
        needed=True,
    )
}
INVALID: Final[Keys] = {
    "retries": Key(
        rule=Number(whole=True, low=0, high=5), text="Re-asks, each under a repeat number of its own. Default 2."
    ),
    "then": Key(rule=Word(pattern="error", called='"error"'), text="`error`: never a fail, never a pass."),
}
REPEATS: Final[Keys] = {
    "first": Key(rule=Number(whole=True, low=1, high=9), text="Judgements to begin with. Default 1."),
    "on_change": Key(
        rule=Number(whole=True, low=1, high=9), text="Judgements in each arm where they differ; odd. Default 3."
    ),
}
JUDGE: Final[Keys] = {
    "model": Key(rule=TEXT, text="Pinned model id; a floating alias is warned of.", needed=True),
    "base_url": Key(rule=TEXT, text="Endpoint. Default: OPENAI_BASE_URL, else the provider's own."),
    "api_key_env": Key(rule=TEXT, text="Variable with the key; must match `*_API_KEY`."),
    "temperature": Key(
        rule=Either(rules=(Number(low=0), Word(pattern="unset", called='"unset"'))),
        text='Default 0. "unset" sends none, for models that refuse it.',
    ),
    "seed": Key(rule=Number(whole=True, low=0), text="Sent with each call, moved by the repeat number. Default: none."),
    "max_output_tokens": Key(rule=COUNT, text="Default 1000."),
    "token_key": Key(rule=Choice(words=("max_tokens", "max_completion_tokens")), text="How the endpoint calls that."),
    "repeats": Key(rule=TABLE, text="How often an answer is judged."),
    "panel": Key(rule=TEXTS, text="Further models: majority of all seats, silence is no vote."),
    "escalate_to": Key(rule=TEXT, text="Model for what the first cannot tell."),
    "probabilities": Key(rule=FLAG, text="Mean of the verdict's distribution; missing log-probabilities are an error."),
    "reply": Key(
        rule=Choice(words=("auto", "json_schema", "json_object")),
        text="`auto`: strict JSON Schema, a bare JSON object where the server knows no schema.",
    ),
    "max_chars": Key(
        rule=Number(whole=True, low=100), text="Longest text shown; longer ones are cut and flagged. Default 20000."
    ),
    "timeout": Key(rule=Number(above=0, high=86400), text="Seconds for one call. Default 120."),
}
ANCHORS: Final[Keys] = {
    "file": Key(rule=TEXT, text="JSONL file, relative to the rubric.", needed=True),
    "minimum": Key(rule=COUNT, text="Fewest anchors that the drift check needs. Default 40."),
}
_COMMON: Final[Keys] = {
    "id": Key(rule=ID, text="Unique in the rubric.", needed=True),
    "type": Key(rule=Choice(words=("boolean", "ordinal", "numeric", "pairwise", "itemised")), text="", needed=True),
    "ask": Key(rule=TEXT, text="The question.", needed=True),
    "weight": Key(rule=Number(above=0), text="> 0. Default 1."),
    "must_pass": Key(rule=FLAG, text="Without it nothing passes."),
    "evidence": Key(rule=Choice(words=(*FIELDS, "none")), text="Field that a quote must come from. Default none."),
    "applies_if": Key(rule=CONDITION, text="`tags.WORD` or `has.FIELD`; elsewhere it is left out."),
    "isolate": Key(rule=FLAG, text="true: a call of its own."),
}
_AT_LEAST: Final = Key(rule=SHARE, text="Lowest value that holds for `must_pass`. Default 0.5.")
CRITERIA: Final[Mapping[str, Keys]] = {
    "boolean": {
        **_COMMON,
        "expect": Key(rule=FLAG, text="false: `not_met` is the good answer; the sign is turned in code."),
    },
    "ordinal": {
        **_COMMON,
        "levels": Key(rule=ListOf(item=TABLE, least=2), text="2-7 described levels.", needed=True),
        "at_least": _AT_LEAST,
    },
    "numeric": {
        **_COMMON,
        "range": Key(
            rule=ListOf(item=NUMBER, least=2), text="[lowest, highest]; scaled to 0-1 and clipped.", needed=True
        ),
        "better": Key(rule=Choice(words=("higher", "lower")), text="Default higher."),
        "at_least": _AT_LEAST,
    },
    "pairwise": _COMMON,
    "itemised": {
        **_COMMON,
        "items": Key(rule=Choice(words=ITEM_SOURCES), text="What is split by code and numbered.", needed=True),
        "verdicts": Key(rule=ListOf(item=TABLE, least=2), text="Verdicts on an item.", needed=True),
        "fatal": Key(rule=TEXTS, text="Verdicts of which one is enough for the value 0."),
        "combine": Key(rule=Choice(words=("mean", "average_precision")), text="Default mean."),
        "at_least": _AT_LEAST,
    },
}
LEVEL: Final[Keys] = {
    "id": Key(rule=ID, text="What the judge returns.", needed=True),
    "value": Key(rule=SHARE, text="What it counts.", needed=True),
    "when": Key(rule=TEXT, text="When it is the right one.", needed=True),
}
ITEM_VERDICT: Final[Keys] = {
    "id": Key(rule=ID, text="What the judge returns.", needed=True),
    "value": Key(rule=SHARE, text="What it counts; without it the item is left out."),
    "when": Key(rule=TEXT, text="When it is the right one."),
}
HUMAN: Final[Keys] = {
    "raters": Key(rule=COUNT, text="People who looked.", needed=True),
    "agree": Key(rule=COUNT, text="How many of them say so.", needed=True),
}
EXAMPLE: Final[Keys] = {
    **{name: Key(rule=ANY_VALUE, text=f"The {name} that the judge sees.") for name in FIELDS},
    "output_a": Key(rule=TEXT, text="Pairwise rubrics: the first answer."),
    "output_b": Key(rule=TEXT, text="Pairwise rubrics: the second answer."),
    "verdicts": Key(rule=TABLE, text="Criterion -> verdict; itemised ones a list, one an item.", needed=True),
    "human": Key(rule=TABLE, text="Who agreed on them."),
    "why": Key(rule=TEXT, text="One sentence, shown in the prompt."),
}
