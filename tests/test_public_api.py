"""The Python names of the contract exist, with the contract's parameters: what acceptance and users write goes on working."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import evalharness as eh
from evalharness import stats

REQUIRED = inspect.Parameter.empty


def parameters(function: Callable[..., Any]) -> dict[str, tuple[Any, bool]]:
    """Name -> (default, may be given by position)."""
    return {
        name: (one.default, one.kind is not one.KEYWORD_ONLY)
        for name, one in inspect.signature(function).parameters.items()
    }


def by_position(**defaults: Any) -> dict[str, tuple[Any, bool]]:
    return {name: (default, True) for name, default in defaults.items()}


def by_name(**defaults: Any) -> dict[str, tuple[Any, bool]]:
    return {name: (default, False) for name, default in defaults.items()}


DECIDE = by_position(differences=REQUIRED, margin=REQUIRED, planned=REQUIRED) | by_name(
    alpha_pass=0.05,
    alpha_block=0.025,
    method="auto",
    split=None,
    low=-1.0,
    high=1.0,
    worst=None,
    best=None,
    effect=None,
    proven_drop="fail",
    estimand="population",
    clusters=None,
)
CONTRACT: dict[Callable[..., Any], dict[str, tuple[Any, bool]]] = {
    eh.load_evalset: by_position(path=REQUIRED),
    eh.score: by_position(scorer=REQUIRED) | by_name(output=REQUIRED, case=REQUIRED),
    eh.decide: DECIDE,
    stats.decide: DECIDE,
    stats.permutation: by_position(case_ids=REQUIRED, seed=REQUIRED),
    stats.Betting: by_position(side=REQUIRED, null=REQUIRED, effect=REQUIRED, low=-1.0, high=1.0),
    stats.final_look: by_position(differences=REQUIRED, null=REQUIRED, side=REQUIRED, low=-1.0, high=1.0),
    stats.exact_plan: by_position(planned=REQUIRED, margin=REQUIRED) | by_name(alpha_pass=0.05, alpha_block=0.025),
    stats.interval: by_position(differences=REQUIRED, effect=REQUIRED)
    | by_name(alpha=0.05, split=0.5, low=-1.0, high=1.0, final=True),
    stats.mean_log_e: by_position(log_es=REQUIRED, weights=None),
    stats.name_regressed: by_position(log_es=REQUIRED, alpha=0.05),
    stats.min_cases: by_position(margin=REQUIRED, alpha=0.05, split=0.0),
    stats.needed_cases: by_position(sd=REQUIRED, distance=REQUIRED, margin=REQUIRED, power=0.8),
}
"""What the contract writes out; a function may take more, by name and with a default."""


@pytest.mark.parametrize("function", CONTRACT, ids=lambda function: f"{function.__module__}.{function.__name__}")
def test_a_function_takes_what_the_contract_says(function: Callable[..., Any]) -> None:
    found, promised = parameters(function), CONTRACT[function]
    assert {name: found.get(name) for name in promised} == promised
    assert [name for name in found if found[name][1]][: len(promised)] == [n for n in promised if promised[n][1]]
    more = {name: default for name, (default, _) in found.items() if name not in promised}
    assert REQUIRED not in more.values()


FIELDS = {
    eh.Output: "text documents messages usage latency_s cost_usd finish_reason model error",
    eh.Score: "value passed reason signature evidence parts",
    eh.Unscored: "reason",
    eh.Failure: "stage kind message attempts retryable",
    eh.Case: "id input target relevant context metadata tags cluster weight group variant checks deprecated",
    eh.Decision: "verdict method reason n_used log_e_pass log_e_fail log_e_drop p_pass p_fail p_drop",
    eh.Verdict: "outcome exit_code gates warnings",
    eh.EvalSet: "name cases",
    eh.Run: "",
    eh.Comparison: "",
}


@pytest.mark.parametrize("value", FIELDS, ids=lambda value: value.__name__)
def test_a_value_has_the_fields_of_the_contract(value: type) -> None:
    fields = dataclasses.fields(value)
    assert set(FIELDS[value].split()) <= {field.name for field in fields}
    assert all(field.kw_only for field in fields)
    assert value.__dataclass_params__.frozen
    assert "__slots__" in vars(value) or value is eh.EvalSet  # (it remembers its digest)


@pytest.mark.parametrize("name", ["evaluate", "gate", "compare", "load_evalset", "score", "decide"])
def test_each_function_has_an_async_twin(name: str) -> None:
    twin, function = getattr(eh.aio, name), getattr(eh, name)
    assert inspect.iscoroutinefunction(twin)
    assert not inspect.iscoroutinefunction(function)
    assert inspect.signature(twin) == inspect.signature(function)


def test_the_stats_names_of_the_contract() -> None:
    rest = {"rogan_gladen", "ppi_mean", "cohen_kappa", "krippendorff_alpha", "paired_randomisation"}
    assert {name.__name__ for name in CONTRACT if name.__module__.startswith("evalharness.stats")} | rest <= set(
        stats.__all__
    )
    assert all(callable(getattr(stats, name)) for name in rest)


def test_the_error_tree_has_an_exit_code_per_branch() -> None:
    codes = {eh.Refused: 2, eh.Incomplete: 4, eh.StoreError: 5, eh.Interrupted: 130}
    assert {error: error("seen").exit_code for error in codes} == codes
    assert all(issubclass(error, eh.EvalhError) for error in codes)
    assert eh.EvalhError("seen").exit_code == 70


def test_a_case_may_be_a_mapping_and_an_output_a_text() -> None:
    case = {"id": "a", "input": "?", "target": "thirty days"}
    plain = eh.score({"use": "equals"}, output="thirty days", case=case)
    whole = asyncio.run(eh.aio.score({"use": "equals"}, output=eh.Output(text="thirty days"), case=case))
    assert isinstance(plain, eh.Score)
    assert (plain.value, plain.passed) == (1.0, True)
    assert plain == whole


def test_numbers_may_be_an_array() -> None:
    import numpy as np

    differences = [0.0] * 150 + [1.0, -1.0]
    assert eh.decide(np.array(differences), 0.05, 200) == eh.decide(differences, 0.05, 200)


def test_an_exact_plan_tells_its_bars_and_what_they_do() -> None:
    plan = stats.exact_plan(100, 0.05)
    outcome = plan.outcome(0.2, 0.0)
    assert len(plan.pass_max_losses) == len(plan.fail_min_losses) == len(plan.drop_min_losses)
    assert outcome.p_pass + outcome.p_fail + outcome.p_inconclusive == pytest.approx(1.0)
    assert 0 < outcome.mean_cases <= 100
    assert plan.outcome(0.0, 0.0).p_pass == 1.0


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="'evalharness' has no attribute 'nothing'"):
        _ = eh.nothing
