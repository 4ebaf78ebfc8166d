from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import CaseScorer, ScorerSpec
from evalharness.core.results import Failure, Output, Score, Unscored
from evalharness.core.specs import ComponentSpec
from evalharness.scorers import registry
from evalharness.scorers.base import Scorer
from evalharness.scorers.parameters import Params
from evalharness.scorers.registry import WORDS, build_scorer, refuse_bad_checks, runs_code, score, spec_of
from tests.scorers.scoring import passes, refusal_of, result_of, scorer_of, value_of

MINIMAL: dict[str, dict[str, Any]] = {
    "regex": {"pattern": "a"},
    "absent": {"pattern": "a"},
    "word_count": {"min": 1},
    "max_edits": {"max": 1},
    "json_schema": {"schema": {}},
    "python": {"call": "json:dumps"},
    "label": {"labels": ["yes", "no"]},
    "macro_f1": {"labels": ["yes", "no"]},
    "balanced_accuracy": {"labels": ["yes", "no"]},
    "mcc": {"labels": ["yes", "no"]},
    "pass_at_k": {"k": 1},
    "pass_hat_k": {"k": 1},
    "turns": {"of": {"use": "length", "max": 40}},
    "direction": {"expect": "flips"},
    "length": {"max": 100},
}


BY_MODEL = ("bertscore", "similar")
"""Words that need a model on disk and an optional package: in test_similarity.py and test_bert_model.py."""


@pytest.mark.parametrize("word", [word for word in WORDS if word not in BY_MODEL])
def test_every_word_builds_and_states_its_facts(word: str) -> None:
    scorer = build_scorer(spec_of({"use": word, **MINIMAL.get(word, {})}), root=Path())
    assert scorer.use == scorer.name == word
    assert scorer.signature.startswith(word)
    assert scorer.low < scorer.high
    assert scorer.low != float("-inf")
    assert scorer.direction in ("higher", "lower")
    assert scorer.needs <= {"target", "relevant", "context", "checks", "group"}
    if scorer.binary:
        assert (scorer.low, scorer.high) == (0.0, 1.0)


def test_every_word_is_documented() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "scorers.md").read_text(encoding="utf-8")
    assert [word for word in WORDS if f"| `{word}`" not in docs and f" `{word}`" not in docs] == []


def test_dashes_are_underscores() -> None:
    assert scorer_of("starts-with", value="a").signature == scorer_of("starts_with", value="a").signature


def test_an_unknown_word_gets_the_nearest() -> None:
    error = refusal_of("contians")
    assert "no scorer word 'contians'" in error.message
    assert "did you mean 'contains'?" in error.tip


def test_an_unknown_parameter_gets_the_nearest_and_its_place() -> None:
    spec = spec_of({"use": "regex", "patern": "a", "pattern": "b"}, name="no_pii", where="evalh.toml:31")
    with pytest.raises(ConfigError) as caught:
        build_scorer(spec, root=Path())
    assert caught.value.where == "evalh.toml:31: scorers.no_pii.patern"
    assert "did you mean 'pattern'?" in caught.value.tip


@pytest.mark.parametrize(
    ("use", "params", "words"),
    [
        ("regex", {}, "regex needs 'pattern': a string"),
        ("regex", {"pattern": 5}, "expected a string, got 5"),
        ("number", {"abs_tol": "1"}, "expected a number of at least 0, got '1'"),
        ("number", {"abs_tol": True}, "expected a number of at least 0, got True"),
        ("number", {"abs_tol": float("nan")}, "expected a number"),
        ("number", {"rule": "lst"}, "got 'lst'"),
        ("exact_match", {"strip": 1}, "expected true or false, got 1"),
        ("max_edits", {"max": 1.5}, "expected a whole number of at least 0, got 1.5"),
        ("json_diff", {"min": 2}, "expected a number from 0 to 1, got 2"),
        ("finish_reason", {"value": []}, "expected a string or a list of strings"),
        ("equals", {"value": "a", "values": ["b"]}, "'value' or 'values', not both"),
        ("equals", {"value": float("nan")}, "expected a JSON value"),
        ("regex", {"pattern": "a", "threshold": "x"}, "expected a number"),
        ("regex", {"pattern": "a", "not": "yes"}, "expected true or false"),
    ],
)
def test_a_mistyped_parameter_is_said(use: str, params: dict[str, Any], words: str) -> None:
    assert words in str(refusal_of(use, **params))


def test_a_long_value_is_cut_in_the_error() -> None:
    assert len(refusal_of("number", abs_tol="x" * 500).message) < 120
    assert "got a table" in refusal_of("regex", pattern={"a": 1}).message


def test_a_table_without_use_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs 'use'"):
        spec_of({"pattern": "a"})


def test_signatures_write_defaults_out_and_tell_parameters_apart() -> None:
    plain = scorer_of("number", value=1)
    assert plain.signature == "number|abs_tol:0.0|rel_tol:0.0|rule:last|value:1|evalharness 1"
    others = [
        scorer_of("number", value=2),
        scorer_of("number", value=1, rel_tol=0.1),
        scorer_of("number", value=1, threshold=1),
        scorer_of("number", value=1, **{"not": True}),
    ]
    assert len({plain.signature, *(scorer.signature for scorer in others)}) == 5
    assert scorer_of("number", value=1, weight=3, metric="maths").signature == plain.signature


def test_not_turns_value_and_verdict_round() -> None:
    result = result_of("contains", "a cat", value="cat", **{"not": True})
    assert isinstance(result, Score)
    assert (result.value, result.passed) == (0.0, False)
    assert result.reason.startswith("not: ")
    assert passes("contains", "a dog", value="cat", **{"not": True}) is True


def test_not_without_text_still_fails() -> None:
    assert passes("contains", None, value="cat", **{"not": True}) is False
    assert value_of("contains", None, value="cat", **{"not": True}) == 0.0


def test_not_is_refused_where_values_have_no_upper_end() -> None:
    assert "'not' goes with scorers whose values are 0..1" in refusal_of("latency", **{"not": True}).message


def test_threshold_decides_passed_in_the_direction_of_the_scorer() -> None:
    assert passes("levenshtein", "tast", value="test", threshold=0.75) is True
    assert passes("levenshtein", "tast", value="test", threshold=0.76) is False
    assert passes("levenshtein", "tast", value="test") is None
    assert passes("levenshtein", "tast", value="test", threshold=0.75, **{"not": True}) is False
    assert passes("latency", Output(text="x", latency_s=2.0), threshold=2) is True
    assert passes("latency", Output(text="x", latency_s=2.1), threshold=2) is False


class Fixed(Scorer):
    """Gives the number that it was told."""

    def __init__(self, params: Params) -> None:
        self._value = float(params.text("value"))
        super().__init__(params)

    def measure(self, _output: Output, _case: Case, /) -> Score:
        return Score(value=self._value)


def fixed(value: float) -> Scorer:
    return Fixed(Params(spec_of({"use": "fixed", "value": str(value)}), root=Path()))


@pytest.mark.parametrize(("given", "kept"), [(1 + 1e-10, 1.0), (-1e-10, 0.0), (0.5, 0.5)])
def test_a_value_beside_a_bound_is_the_bound(given: float, kept: float) -> None:
    result = fixed(given).score(Output(text=""), Case(id="c", input=""))
    assert isinstance(result, Score)
    assert result.value == kept


@pytest.mark.parametrize("given", [1.1, -0.1, float("nan"), float("inf")])
def test_a_value_outside_the_range_is_a_failure(given: float) -> None:
    result = fixed(given).score(Output(text=""), Case(id="c", input=""))
    assert isinstance(result, Failure)
    assert result.kind == "bad_value"


def test_an_infinite_latency_is_a_failure() -> None:
    assert isinstance(result_of("latency", Output(text="", latency_s=float("inf"))), Failure)


def test_without_text_a_scorer_where_less_is_better_is_a_failure_of_the_candidate() -> None:
    class Lower(Fixed):
        direction = "lower"
        high = float("inf")

    result = Lower(Params(spec_of({"use": "l", "value": "1"}), root=Path())).score(Output(), Case(id="c", input=""))
    assert isinstance(result, Failure)
    assert result.blame == "candidate"


def test_the_base_measures_nothing() -> None:
    with pytest.raises(NotImplementedError):
        Scorer(Params(spec_of({"use": "x"}), root=Path())).score(Output(text=""), Case(id="c", input=""))


def test_score_takes_texts_and_mappings() -> None:
    result = score({"use": "equals"}, output="4", case={"target": "4"})
    assert isinstance(result, Score)
    assert result.passed is True
    assert isinstance(score({"use": "equals"}, output=Output(text="4"), case=Case(id="a", input="")), Unscored)


# --- plug-ins -------------------------------------------------------------------------------------------------------


class Plug:
    """A scorer of another package."""

    low, high, direction, binary, needs, costly = 0.0, 1.0, "higher", False, frozenset[str](), False

    def __init__(self, spec: ScorerSpec, root: Path) -> None:
        self.name, self.use, self.signature = spec.component.name, spec.component.use, spec.component.use

    def score(self, _output: Output, _case: Case) -> Score:
        return Score(value=0.25, signature=self.signature)


def point(name: str = "my-metric") -> EntryPoint:
    return EntryPoint(name=name, value=f"{__name__}:Plug", group=registry.ENTRY_POINTS)


def test_a_plug_in_is_loaded_when_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point(), point("other")])
    scorer = scorer_of("my_metric")
    assert value_of("my-metric", "x") == 0.25
    assert scorer.signature.endswith("unpackaged")


def test_two_plug_ins_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point(), point("my_metric")])
    assert "two plug-ins" in refusal_of("my_metric").message


def test_a_word_of_ours_is_never_a_plug_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point("equals")])
    assert type(scorer_of("equals")).__name__ == "Equals"


def test_data_names_no_plug_in_and_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point()])
    for use in ("my_metric", "python"):
        with pytest.raises(ConfigError, match="no scorer word"):
            build_scorer(spec_of({"use": use, "call": "os:getcwd"}), root=Path(), from_data=True)


def test_what_runs_code_can_be_told() -> None:
    assert [runs_code(use) for use in ("python", "my-metric", "equals", "starts-with", "checks")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_bad_checks_are_found_before_a_run() -> None:
    good = Case(id="a", input="", checks=({"use": "contains", "value": "x", "name": "has-x"},))
    refuse_bad_checks(good, root=Path())
    bad = Case(id="a", input="", checks=({"use": "contains", "valu": "x"},))
    with pytest.raises(ConfigError) as caught:
        refuse_bad_checks(bad, root=Path(), where="set.jsonl:4")
    assert caught.value.where == "set.jsonl:4: checks.1:contains.valu"


# --- start-up -------------------------------------------------------------------------------------------------------


def loaded_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


HEAVY = {"jsonschema", "rapidfuzz", "numpy", "asyncio", "difflib", "subprocess", "rouge_score", "sacrebleu"}


def test_only_the_named_family_is_imported() -> None:
    build = "from evalharness.scorers.registry import build_scorer, spec_of\nfrom pathlib import Path\n"
    loaded = loaded_after(build + "build_scorer(spec_of({'use': 'equals'}), root=Path())")
    assert not loaded & HEAVY
    assert "evalharness.scorers.text" in loaded
    assert "evalharness.scorers.structure" not in loaded
    control = loaded_after(build + "build_scorer(spec_of({'use': 'json_schema', 'schema': {}}), root=Path())")
    assert "jsonschema" in control


def test_spec_names_default_to_the_word() -> None:
    spec = spec_of({"use": "equals", "weight": 2, "metric": "m"})
    assert isinstance(spec, ScorerSpec)
    assert (spec.component.name, spec.weight, spec.metric) == ("equals", 2.0, "m")
    assert isinstance(
        build_scorer(ScorerSpec(component=ComponentSpec(name="n", use="equals")), root=Path()), CaseScorer
    )
