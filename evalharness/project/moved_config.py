"""The evalh.toml of a project that moved over from another tool: its systems, its checks, one gate."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.moving.moved import Moved

MARGIN: Final = 0.05
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_WORDS_OF_A_LABEL: Final = 4
RUBRIC: Final = "rubrics/meets-the-reference.toml"
RUBRIC_TEXT: Final = """\
evalh_rubric = 1
id = "meets-the-reference"
version = 1
title = "The answer is what the reference asks for"
uses = ["input", "output", "reference"]
task = "A system answers a request. The reference says in words what a good answer does."
short_answers = true # one word, or a refusal, may be what is asked for
aggregate = { score = "weighted_mean", pass_score = 0.75, min_assessed = 0.8 }
cannot_tell = { action = "exclude" }
on_invalid = { retries = 2, then = "error" }
judge = { model = "gpt-5-mini", temperature = 0, seed = 7, max_output_tokens = 700, repeats = { first = 1, on_change = 3 } }

[[criteria]]
id = "meets"
type = "boolean"
must_pass = true
evidence = "output"
ask = "Does the output do everything that the reference asks for?"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Files of a project beside its eval set."""

    config: str
    """Text of evalh.toml."""
    files: Mapping[str, str]
    """Path -> text: prompts, a rubric."""


def project_of(moved: Moved, *, name: str, recorded: Mapping[str, str]) -> Project:
    """The config for what was moved over.

    Args:
        moved: What was read.
        name: Name of the eval set and of the gate.
        recorded: System -> path of its answers.
    """
    setup = moved.setup
    names = _names(recorded, name)
    candidates: dict[str, Mapping[str, Any]] = {names[system]: {"recorded": path} for system, path in recorded.items()}
    whole = [
        names[system]
        for system, lines in moved.answers.items()
        if system in names and len({line["id"] for line in lines}) == len(moved.cases)
    ]
    models = {key: table for key, table in setup.get("candidates", {}).items() if key not in candidates}
    candidates |= models
    if not candidates:
        candidates["bot"] = {"model": "gpt-5-mini"}
    arms = [*whole, *(key for key in candidates if key not in whole)]
    candidate = whole[-1] if whole else next(iter(models or candidates))
    baseline = whole[0] if len(whole) > 1 else None
    scorers, limits = _scorers(moved)
    lines = [
        "#:schema ./.evalh/evalh.schema.json",
        "version = 1",
        "defaults = { max_cost = 1.00, seed = 7 }        # US dollars that one command may cost",
        "",
        "[evalsets]",
        f"{_key(name)} = {{ path = {_toml(f'evalsets/{name}.jsonl')} }}",
        "",
        "[candidates]",
        *(f"{_key(arm)} = {_toml(candidates[arm])}" for arm in arms),
        "",
        "[scorers]",
        *(f"{_key(word)} = {_toml(table)}" for word, table in scorers.items()),
        *_switched_off(moved),
        "",
        f"[gates.{_key(name)}]",
        f"candidate = {_toml(candidate)}",
        f"evalset = {_toml(name)}",
        *([f"baseline = {_toml(baseline)}                  # left out: the stored baseline"] if baseline else []),
        "alpha_pass = 0.05                                # chance to pass a drop of the margin",
        "alpha_block = 0.025                              # chance to block a candidate that is not worse",
        "",
        f"[gates.{_key(name)}.limits]",
        *(f"{_key(word)} = {_toml(table)}" for word, table in limits.items()),
        *_prices(models),
    ]
    files = dict(setup.get("files", {}))
    if "judge" in setup.get("wishes", {}):
        files[RUBRIC] = RUBRIC_TEXT
    return Project(config="\n".join(lines) + "\n", files=files)


def _scorers(moved: Moved) -> tuple[dict[str, Mapping[str, Any]], dict[str, Mapping[str, Any]]]:
    """Scorers and limits by what the cases hold."""
    scorers: dict[str, Mapping[str, Any]] = {}
    limits: dict[str, Mapping[str, Any]] = {}
    wishes = moved.setup.get("wishes", {})
    targets = [case.target for case in moved.cases if case.target is not None]
    if moved.setup.get("has_checks"):
        limits["checks"] = {"every": True}
    if any(isinstance(target, Mapping) and "tools" in target for target in targets):
        scorers["tools"] = {"use": "tool_calls"}
        limits["tools"] = {"margin": MARGIN}
    texts = [case for case in moved.cases if case.target is not None and not isinstance(case.target, Mapping)]
    if texts and not wishes.keys() & {"similar", "judge"}:
        word = "exact_match" if _are_labels(texts) else "rougeL"
        scorers["correct"] = {"use": word}
        limits["correct"] = {"margin": MARGIN}
    if not limits:
        scorers["not_empty"] = {"use": "word_count", "min": 1}
        limits["not_empty"] = {"every": True}
    for word in ("latency", "cost"):
        if word in wishes:
            scorers[word] = {"use": word, **wishes[word]}
        if word in wishes or word == "latency":
            limits[word] = {"role": "report"}
    return scorers, limits


def _are_labels(cases: Sequence[Case]) -> bool:
    """Whether references are so short that an answer is right or wrong as a whole."""
    sizes = [len(str(reference).split()) for case in cases for reference in case.references[:1]]
    return sorted(sizes)[len(sizes) // 2] <= _WORDS_OF_A_LABEL


def _switched_off(moved: Moved) -> Iterator[str]:
    """Scorers that call a model: a person names it, and calibrates a judge, before they count."""
    wishes = moved.setup.get("wishes", {})
    if not wishes.keys() & {"similar", "judge"}:
        return
    yield "# Switched off: they call a model. Name it (and calibrate a judge: evalh calibrate), then add a limit below."
    if "similar" in wishes:
        yield f"# similar = {_toml({'use': 'similar', 'model': 'NAME-OF-AN-EMBEDDING-MODEL', **wishes['similar']})}"
    if "judge" in wishes:
        yield f"# meets = {_toml({'use': 'judge', 'rubric': RUBRIC})}"


def _prices(models: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    names = dict.fromkeys(str(table["model"]) for table in models.values() if "model" in table)
    if names:
        yield ""
        yield "[prices]                                         # US dollars per million tokens: put your provider's here"
        yield from (f"# {_toml(name)} = {{ input = 0.0, output = 0.0 }}" for name in names)


def _names(systems: Iterable[str], evalset: str) -> dict[str, str]:
    """A candidate's name for each system, unlike each other."""
    names: dict[str, str] = {}
    for system in systems:
        base = name = re.sub(r"[^a-z0-9]+", "-", system.lower()).strip("-")[:40] or evalset
        number = 2
        while name in names.values():
            name, number = f"{base}-{number}", number + 1
        names[system] = name
    return names


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _toml(name)


def _toml(value: Any) -> str:
    """A JSON value as TOML on one line; null has no place in TOML and never comes here."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(str(key))} = {_toml(item)}" for key, item in value.items() if item is not None)
        return f"{{ {inside} }}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    # JSON's escapes are TOML's too, but for the character 127, which only TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
