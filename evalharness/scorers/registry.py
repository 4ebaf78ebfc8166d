"""From a scorer word to a scorer. Only the family that a config names is imported.

To add a scorer: write a class in its family's file (see the top of ``base.py``), put it into that file's ``FAMILY``
(word -> factory; a factory takes the :class:`~evalharness.scorers.parameters.Params` of the table and returns a
scorer, so the class itself is one), and add its word to ``_MODULES`` below. To add a family: a new file with a
``FAMILY``. Packages outside add theirs through the entry-point group ``evalharness.scorers`` (name -> factory taking
``(spec, root)``); they are loaded only when a config names them and no word here does.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.nearest import name_tip
from evalharness.core.protocols import CaseScorer, ScorerFacts, ScorerSpec
from evalharness.core.results import Output, ScoreResult
from evalharness.core.specs import EMPTY, ComponentSpec, freeze
from evalharness.scorers.parameters import COMMON_KEYS, Params, place_of

ENTRY_POINTS: Final = "evalharness.scorers"

_MODULES: Final[Mapping[str, str]] = {
    word: module
    for module, words in {
        "text": "equals contains icontains contains_any contains_all icontains_any icontains_all starts_with ends_with"
        " word_count exact_match",
        "closeness": "levenshtein max_edits squad_em squad_f1",
        "patterns": "regex absent",
        "numbers": "number numeric_diff",
        "structure": "is_json contains_json json_schema json_diff",
        "rouge": "rouge1 rouge2 rougeL rougeLsum",
        "translation": "bleu chrf ter",
        "classification": "label macro_f1 balanced_accuracy mcc",
        "calibration": "brier ece",
        "retrieval": "recall precision hit mrr map ndcg",
        "similarity": "bertscore similar",
        "tools": "tool_calls tool_call_f1 tool_args tool_sequence",
        "epochs": "pass_at_k pass_hat_k",
        "turns": "turns",
        "ifeval": "ifeval",
        "behaviour": "invariance direction",
        "behaviour_safety": "injection leak",
        "behaviour_text": "language length table",
        "behaviour_grounding": "grounding",
        "operations": "latency cost finish_reason refusal",
        "checks": "checks",
        "python_call": "python",
    }.items()
    for word in words.split()
}

JUDGE: Final = "judge"
"""The word that is built where endpoints are known (``judging.build``), not here."""

WORDS: Final = tuple(_MODULES)
"""Every scorer word of this version that is built here."""

CODE_WORDS: Final = frozenset({"python"})
"""Words that run code or call an endpoint: refused for untrusted configs, and in a case's own ``checks``."""

_NOT_IN_CASES: Final = CODE_WORDS | {"checks", JUDGE}


def build_scorer(spec: ScorerSpec, *, root: Path, from_data: bool = False) -> ScorerFacts:
    """Build the scorer that a spec describes.

    Args:
        spec: The scorer's spec; ``component.use`` is its word, dashes read as underscores.
        root: Folder that paths in the spec are relative to.
        from_data: True when the spec was written in a case. Data never names code, files or plug-ins.

    Returns:
        A ``CaseScorer`` (or another of the scorer protocols) whose signature holds every parameter.

    Raises:
        ConfigError: If the word or a parameter is unknown or of the wrong type, with the nearest name.
    """
    word = canonical_word(spec.component.use)
    if word == JUDGE and not from_data:
        raise ConfigError(
            "a judge calls an endpoint, and there is none here",
            where=spec.component.where,
            tip="use it in a run or a gate",
        )
    if word not in _MODULES or (from_data and word in _NOT_IN_CASES):
        return _plug_in(spec, root=root, from_data=from_data)
    named = _with_word(spec, word)
    family = import_module(f"evalharness.scorers.{_MODULES[word]}").FAMILY

    def build_check(table: Mapping[str, Any]) -> ScorerFacts:
        return build_scorer(spec_of(table), root=root, from_data=True)

    def build_part(table: Mapping[str, Any]) -> ScorerFacts:
        return build_scorer(spec_of(table, where=spec.component.where), root=root, from_data=from_data)

    params = Params(named, root=root, from_data=from_data, build_check=build_check, build_part=build_part)
    return cast("ScorerFacts", family[word](params))


def refuse_bad_checks(case: Case, *, root: Path, where: str = "") -> None:
    """Build every check of a case, for ``lint`` and before a run is paid for.

    Args:
        case: The case.
        root: Folder of the project.
        where: ``FILE:LINE`` of the case.

    Raises:
        ConfigError: If a check is no scorer table that a case may bring.
    """
    from evalharness.scorers.checks import named_checks

    for name, table in named_checks(case).items():
        build_scorer(spec_of(table, name=f"checks.{name}", where=where), root=root, from_data=True)


def by_endpoint(spec: ScorerSpec, root: Path) -> bool:
    """Whether a scorer calls an endpoint: a judge, and ``similar`` with anything but the folder of a local model."""
    word, params = canonical_word(spec.component.use), spec.component.params
    model = params.get("model")
    local = isinstance(model, str) and "base_url" not in params and (root / model).is_dir()
    return word == JUDGE or (word == "similar" and isinstance(model, str) and not local)


def canonical_word(use: str) -> str:
    """The scorer word as this table spells it: dashes become underscores."""
    return use.replace("-", "_")


def runs_code(use: str, params: Mapping[str, Any] = EMPTY) -> bool:
    """True for a scorer that runs the project's or another package's code: what ``--untrusted`` must refuse.

    Args:
        use: Its word.
        params: Its table: a scorer inside it (``of``) counts as well.
    """
    word, part = canonical_word(use), params.get("of")
    inner = part.get("use") if isinstance(part, Mapping) else part
    nested = isinstance(inner, str) and runs_code(inner, part if isinstance(part, Mapping) else EMPTY)
    return word in CODE_WORDS or word not in (*WORDS, JUDGE) or nested


def spec_of(table: Mapping[str, Any], *, name: str = "", where: str = "") -> ScorerSpec:
    """A spec from a scorer table such as ``{"use": "regex", "pattern": "[0-9]", "not": True}``.

    Args:
        table: The table, plain or frozen.
        name: The scorer's name; the word itself when left out.
        where: ``FILE:LINE`` for errors.

    Raises:
        ConfigError: If ``use`` is missing or a common key has the wrong type.
    """
    use = table.get("use")
    if not isinstance(use, str):
        raise ConfigError("a scorer table needs 'use': a scorer word", where=where, tip=f"words: {', '.join(WORDS)}")
    own = freeze({key: value for key, value in table.items() if key not in ("use", *COMMON_KEYS)})
    component = ComponentSpec(name=name or use, use=use, params=own, where=where)
    common = {key: table[key] for key in COMMON_KEYS if key in table}
    reader = Params(
        ScorerSpec(component=ComponentSpec(name=name or use, use=use, params=common, where=where)), root=Path()
    )
    return ScorerSpec(
        component=component,
        threshold=reader.optional_number("threshold"),
        weight=reader.number("weight", default=1.0, low=0.0),
        negate=reader.flag("not"),
        metric=reader.optional_text("metric"),
    )


def score(table: Mapping[str, Any], *, output: str | Output, case: Case | Mapping[str, Any]) -> ScoreResult:
    """Score one output of one case by a scorer table; what ``evalharness.score`` does.

    Args:
        table: Such as ``{"use": "rougeL"}``; paths in it are relative to the working folder.
        output: The answer, as text or whole.
        case: A case, or a mapping with its fields; ``id`` and ``input`` may be left out.

    Raises:
        ConfigError: If the table is wrong, or its scorer does not score single outputs.
    """
    scorer = build_scorer(spec_of(table), root=Path())
    if not isinstance(scorer, CaseScorer):
        raise ConfigError(f"{scorer.use} does not score a single output; use it in a run", where=scorer.name)
    whole = Output(text=output) if isinstance(output, str) else output
    return scorer.score(whole, case if isinstance(case, Case) else Case(**{"id": "case", "input": "", **case}))


def _with_word(spec: ScorerSpec, word: str) -> ScorerSpec:
    from dataclasses import replace

    if spec.component.use == word:
        return spec
    return replace(spec, component=replace(spec.component, use=word))


def _plug_in(spec: ScorerSpec, *, root: Path, from_data: bool) -> ScorerFacts:
    """A scorer of another package, looked up only when its name is no word of ours."""
    use = spec.component.use
    found = [] if from_data else _entry_points(use)
    if len(found) > 1:
        names = ", ".join(sorted(point.value for point in found))
        raise ConfigError(f"two plug-ins are called {use!r}: {names}", where=spec.component.where)
    if not found:
        known = [word for word in (*WORDS, JUDGE) if not (from_data and word in _NOT_IN_CASES)]
        tip = name_tip(canonical_word(use), known, title="words")
        raise ConfigError(f"no scorer word {use!r}", where=place_of(spec.component, "use"), tip=tip)
    scorer = found[0].load()(spec, root)
    package = found[0].dist
    version = f"{package.name} {package.version}" if package is not None else "unpackaged"
    if version not in scorer.signature:
        scorer.signature = f"{scorer.signature}|{version}"
    return cast("ScorerFacts", scorer)


def _entry_points(name: str) -> list[Any]:
    from importlib.metadata import entry_points

    word = canonical_word(name)
    return [point for point in entry_points(group=ENTRY_POINTS) if canonical_word(point.name) == word]
