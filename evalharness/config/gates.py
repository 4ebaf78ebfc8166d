"""Reads ``[gates]``: what each gate asks of which scorer, and whether that can be meant."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from evalharness.config.candidates import existing_file
from evalharness.config.keys import BUILT_IN_SCORERS, GATE, LIMIT, LIMIT_OR_MARGIN, REPORT_ONLY, UNBOUNDED
from evalharness.config.model import Config, GateConfig, LimitConfig
from evalharness.config.source import Table
from evalharness.core.nearest import name_tip

MARGIN_TIP = "margin = 0.05 lets it lose at most 5 points"


def read_gate(table: Table, *, config: Config) -> GateConfig:
    """One gate.

    Args:
        table: Its table.
        config: The config so far: eval sets, candidates and scorers are read.

    Raises:
        ConfigError: On anything that cannot be meant.
    """
    values = table.values(GATE)
    table.require("candidate", "evalset", "limits")
    for key, known in (("candidate", config.candidates), ("evalset", config.evalsets)):
        if values[key] not in known:
            noun = "candidate" if key == "candidate" else "eval set"
            table.refuse(key, f"no {noun} named {values[key]!r}", name_tip(values[key], known, title=f"{noun}s"))
    _check_baselines(table, config=config)
    _check_policy(table, values)
    block_only = values.get("mode") == "block_only"
    limits = read_limits(table.child("limits", example="{ exact = 0.05 }"), config=config, block_only=block_only)
    if not any(limit.every or limit.role != "report" for limit in limits):
        table.refuse(
            "limits", "a gate needs at least one guard or hard check", "exact = 0.05, or exact = { every = true }"
        )
    slices_table = table.child("slices", example="{ region = { exact = 0.05 } }")
    slices = {
        field: read_limits(slices_table.child(field, example="{ exact = 0.05 }"), config=config, block_only=block_only)
        for field in slices_table.data
    }
    return GateConfig(
        **(values | {"limits": limits, "slices": MappingProxyType(slices)}),
        name=str(table.path[-1]),
        where=table.place,
    )


def _check_baselines(table: Table, *, config: Config) -> None:
    baseline = table.data.get("baseline")
    if baseline is not None and baseline == table.data["candidate"]:
        table.refuse(
            "baseline", f"{baseline!r} would be compared with itself", "leave it out to use the stored baseline"
        )
    if baseline is not None and baseline not in config.candidates:
        if not (config.root / baseline).exists():
            tip = name_tip(baseline, config.candidates, title="candidates")
            table.refuse("baseline", f"no candidate and no file named {baseline!r}", tip)
        existing_file(table, "baseline", files=config)
    if "pinned" in table.data:
        existing_file(table, "pinned", files=config)


def _check_policy(table: Table, values: Mapping[str, Any]) -> None:
    """Refuse keys that contradict one another."""
    if values.get("strict") and values.get("split", 1.0) != 1.0:
        table.refuse("split", "strict = true bets with all of alpha, so split must be 1", "leave split out")
    looks = values.get("extendable", ())
    if list(looks) != sorted(set(looks)):
        table.refuse("extendable", f"expected growing sizes, got {list(looks)}")


def read_limits(table: Table, *, config: Config, block_only: bool) -> tuple[LimitConfig, ...]:
    """The limits of a gate, or of one guard slice, in the order they are written.

    Args:
        table: Scorer name -> limit table or margin.
        config: The config so far.
        block_only: True when the gate only asks for proven drops; then a margin of 0 makes sense.

    Raises:
        ConfigError: On an unknown scorer or a limit that cannot be meant.
    """
    return tuple(_read_limit(table, name, config=config, block_only=block_only) for name in table.data)


def _read_limit(table: Table, name: str, *, config: Config, block_only: bool) -> LimitConfig:
    if name not in config.scorers and name not in BUILT_IN_SCORERS:
        known = list(config.scorers)
        table.refuse(
            name,
            f"no scorer named {name!r}",
            name_tip(name, known, title="defined scorers")
            or f'define it under [scorers]: {name} = {{ use = "equals" }}',
        )
    value = table.value(name, LIMIT_OR_MARGIN)
    if isinstance(value, float):
        limit = Table(data={"margin": value}, path=(*table.path, name), source=table.source)
    else:
        limit = table.child(name, example="{ margin = 0.05 }")
    values = limit.values(LIMIT)
    if values.get("role") == "improve":
        values.setdefault("margin", 0.0)
    if name == "checks" and not values:
        values["every"] = True  # the hard scorer: checks written in a case have no other meaning
    use = config.scorers[name].component.use if name in config.scorers else name
    if values.get("every"):
        _check_hard(limit)
    elif values.get("role") != "report":
        by_threshold = values.get("on") == "passed"  # the share of cases that pass is on 0..1 whatever the values are
        if use in REPORT_ONLY and not by_threshold:
            limit.refuse(
                None,
                f"{use} is biased on small sets, so it may be shown but not judged",
                'write { role = "report" }, and guard on brier instead',
            )
        _check_margin(limit, values, bounded=by_threshold or use not in UNBOUNDED, block_only=block_only)
    return LimitConfig(**values, scorer=name, where=limit.place)


def _check_hard(limit: Table) -> None:
    for key in ("margin", "cap", "role"):
        if key in limit.data and limit.data[key] != "guard":
            limit.refuse(key, f"a hard check (every) takes no {key}", f"leave out every or {key}")


def _check_margin(limit: Table, values: Mapping[str, Any], *, bounded: bool, block_only: bool) -> None:
    margin, cap = values.get("margin"), values.get("cap")
    if "attempts" in values:
        limit.refuse("attempts", "attempts belong to hard checks", "add every = true, or leave attempts out")
    if not bounded and cap is None:
        limit.refuse(
            None, "its values have no upper end, so a limit needs a cap", "for example cap = 10.0, margin = 0.5"
        )
    if margin is None:
        limit.refuse(None, "a guard needs a margin", f'{MARGIN_TIP}; role = "report" only shows it')
    if margin == 0 and values.get("role") != "improve" and not block_only:
        limit.refuse(
            "margin",
            "an unchanged candidate could never pass with margin 0",
            f'{MARGIN_TIP}; mode = "block_only" in the gate only blocks proven drops',
        )
    most = 1.0 if cap is None else cap
    if margin > most:
        limit.refuse("margin", f"expected at most {most:g}, got {margin:g}", "1 point is 0.01" if cap is None else "")
