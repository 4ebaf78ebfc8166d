"""The statistics of the gate: pure functions of numbers, no input or output.

Names resolve on first use, so that importing this package loads nothing. Modules are never called like a function
they hold: a loaded submodule would hide the function of the same name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalharness.stats.agreement import cohen_kappa, krippendorff_alpha, ppi_mean, rogan_gladen
    from evalharness.stats.betting import Betting
    from evalharness.stats.decision import decide
    from evalharness.stats.design import min_cases, needed_cases
    from evalharness.stats.exact import exact_plan
    from evalharness.stats.intervals import interval
    from evalharness.stats.last_look import final_look
    from evalharness.stats.multiple import mean_log_e, name_regressed
    from evalharness.stats.order import permutation
    from evalharness.stats.resampling import paired_randomisation

__all__ = [
    "Betting",
    "cohen_kappa",
    "decide",
    "exact_plan",
    "final_look",
    "interval",
    "krippendorff_alpha",
    "mean_log_e",
    "min_cases",
    "name_regressed",
    "needed_cases",
    "paired_randomisation",
    "permutation",
    "ppi_mean",
    "rogan_gladen",
]

_HOMES = {
    "Betting": "betting",
    "cohen_kappa": "agreement",
    "decide": "decision",
    "exact_plan": "exact",
    "final_look": "last_look",
    "interval": "intervals",
    "krippendorff_alpha": "agreement",
    "mean_log_e": "multiple",
    "min_cases": "design",
    "name_regressed": "multiple",
    "needed_cases": "design",
    "paired_randomisation": "resampling",
    "permutation": "order",
    "ppi_mean": "agreement",
    "rogan_gladen": "agreement",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
