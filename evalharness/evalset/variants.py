"""The same case in other clothes: what must not matter, made by code and by nothing else.

| variant | what changes |
| --- | --- |
| ``lower-case`` | the question is in small letters |
| ``no-punctuation`` | without the marks at its end |
| ``stray-spaces`` | blanks doubled, one at each end |
| ``polite`` | with a phrase of politeness before it |
| ``typos`` | one slip of the fingers for each 40 characters, drawn from a seed: the case's id |
| ``passages`` | the passages of ``context`` in reverse order |

Paraphrases are not made here: they are written by people and stored in the set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any, Final

from evalharness.core.cases import Case

TYPO_EVERY: Final = 40
"""Characters for which one slip is made; a shorter text gets one too."""
_WORD: Final = re.compile(r"(?<![\w@./:#'’-])[a-z]{4,}(?![\w@/:#'’-]|\.\w)")
"""Words that may be mistyped: not names (capitals), numbers, addresses, nor parts of longer things."""
_BESIDE: Final[Mapping[str, str]] = {
    key: row[max(0, place - 1) : place] + row[place + 1 : place + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for place, key in enumerate(row)
}
"""Letter -> the keys beside it (QWERTY)."""


def typos(text: str, *, seed: str) -> str:
    """A text with a few slips of the fingers: two letters swapped, or the key beside one.

    Names, digits and addresses stay as they are, and so does the first letter of each word.

    Args:
        text: Any text. Without a word of four or more small Latin letters it comes back unchanged.
        seed: Equal seeds give equal slips, on every machine.
    """
    rng = Random(seed)  # noqa: S311 - a draw that anybody can repeat, not a secret
    words = [match.span() for match in _WORD.finditer(text)]
    chosen = rng.sample(words, min(len(words), max(1, len(text) // TYPO_EVERY)))
    for start, end in chosen:
        text = text[:start] + _slip(text[start:end], rng) + text[end:]
    return text


def _slip(word: str, rng: Random) -> str:
    place = rng.randrange(1, len(word) - 1)
    one, two = word[place], word[place + 1]
    if one != two and rng.random() < 0.5:
        return word[:place] + two + one + word[place + 2 :]
    return word[:place] + rng.choice(_BESIDE[one]) + word[place + 1 :]


def variants_of(case: Case) -> Iterator[tuple[str, Case]]:
    """(name, case) of each variant that differs from the case; id, group and variant name are still the case's own."""
    changes: dict[str, Callable[[str], str]] = {
        **_OF_TEXTS,
        "typos": lambda text: typos(text, seed=case.id),
    }
    for name, change in changes.items():
        changed = _change_input(case.input, change)
        if changed is not None and changed != case.input:
            yield name, replace(case, input=changed)
    if len(case.context) > 1 and case.context[::-1] != case.context:
        yield "passages", replace(case, context=case.context[::-1])


def _change_input(value: Any, change: Callable[[str], str]) -> Any:
    """A text changed; of a chat its last message, where a user wrote it; None for an object."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, tuple) and value[-1].get("role") == "user" and isinstance(value[-1].get("content"), str):
        return (*value[:-1], {**value[-1], "content": change(value[-1]["content"])})
    return None


_OF_TEXTS: Final[Mapping[str, Callable[[str], str]]] = {
    "lower-case": str.lower,
    "no-punctuation": lambda text: text.rstrip(" .?!"),
    "stray-spaces": lambda text: f" {text.replace(' ', '  ')} ",
    "polite": lambda text: f"Could you please help me with this? {text}",
}
