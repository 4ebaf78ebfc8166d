"""``load_config``: from ``evalh.toml`` to the frozen, checked ``Config`` that every other room reads."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from evalharness.config import keys
from evalharness.config.candidates import existing_file, read_candidate
from evalharness.config.find import FILE_NAME, Found, find_config, parse, positions, read_text
from evalharness.config.gates import read_gate
from evalharness.config.locate import KeyPath
from evalharness.config.model import Config, Defaults, EvalSetConfig
from evalharness.config.rules import seen
from evalharness.config.source import Source, Table
from evalharness.core.cases import id_look
from evalharness.core.errors import ConfigError
from evalharness.core.files import shown
from evalharness.core.protocols import ScorerSpec
from evalharness.core.specs import ComponentSpec, freeze

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names of eval sets, candidates and gates: they become file names, test ids and anchors."""
DEEPEST: Final = 64
"""Levels of tables and lists."""
SCORER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@^:-]{0,63}")


def load_config(directory: Path, *, config: str | None = None) -> Config:
    """The config that holds in a folder.

    Args:
        directory: Folder to look from, upwards to the git root.
        config: File named with ``--config``, relative to ``directory``; EVALH_CONFIG counts when None.

    Returns:
        The checked config; paths in it exist inside its folder.

    Raises:
        ConfigError: If there is none (code ``no_config``), there are two, or anything in it is wrong:
            ``FILE:LINE: key: problem`` with a tip.
    """
    found = find_config(directory, config=config)
    if found is None:
        raise ConfigError(
            f"no {FILE_NAME} in {directory.resolve()} or above it",
            tip="evalh init writes one; --config FILE names one elsewhere",
            code="no_config",
        )
    return read_config(found)


def read_config(found: Found, *, text: str | None = None, name: str | None = None) -> Config:
    """The config in a file that was found.

    Args:
        found: The file.
        text: Its text when that comes from elsewhere (another commit).
        name: What to call it in messages.

    Raises:
        ConfigError: If anything in it is wrong.
    """
    name = name or shown(found.path)
    text = read_text(found.path) if text is None else text
    data: Any = parse(text, name=name)
    source = Source(shown=name, lines=positions(text, name=name), prefix=found.prefix)
    for key in found.prefix:
        data = data.get(key) if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping):
        source.refuse((), "there is no [tool.evalh] table", "add one, or use evalh.toml")
    _check_values(data, (), source)
    top = Table(data=data, path=(), source=source)
    top.check_keys(keys.TOP_KEYS)
    _check_version(top)
    return _assemble(top, root=found.path.parent.resolve())


def _check_values(value: Any, path: KeyPath, source: Source) -> None:
    """Refuse what has no place in any table: NaN, infinity, dates, bottomless nesting."""
    if len(path) > DEEPEST:
        source.refuse(path[:3], f"nested deeper than {DEEPEST}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_values(item, (*path, key), source)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_values(item, (*path, index), source)
    elif isinstance(value, float) and not math.isfinite(value):
        source.refuse(path, f"expected a finite number, got {value}")
    elif hasattr(value, "isoformat"):
        source.refuse(path, f"expected a string or a number, got {seen(value)}", "put it in quotes")


def _check_version(top: Table) -> None:
    version = top.data.get("version", keys.CONFIG_VERSION)
    if isinstance(version, bool) or version != keys.CONFIG_VERSION:
        tip = "a newer evalharness may have written it: upgrade" if isinstance(version, int) and version > 1 else ""
        top.refuse("version", f"expected version = {keys.CONFIG_VERSION}, got {seen(version)}", tip)


def _assemble(top: Table, *, root: Path) -> Config:
    """Read the tables in the order in which they refer to one another."""
    defaults = top.child("defaults", example="{ seed = 7 }").values(keys.DEFAULTS)
    config = Config(path=top.source.shown, root=root, defaults=Defaults(**defaults), raw=freeze(top.data))
    fill = dataclasses.replace
    config = fill(config, prices=_prices(top), rates=_rates(top))
    config = fill(config, evalsets=_named(top, "evalsets", lambda table: _evalset(table, files=config)))
    config = fill(config, candidates=_named(top, "candidates", lambda table: read_candidate(table, files=config)))
    config = fill(config, scorers=_named(top, "scorers", read_scorer, pattern=SCORER_NAME))
    config = fill(config, gates=_named(top, "gates", lambda table: read_gate(table, config=config)))
    return config


def _named(top: Table, section: str, read: Any, *, pattern: re.Pattern[str] = NAME) -> Mapping[str, Any]:
    """``[section]``: name -> what ``read`` makes of the table under it."""
    table = top.child(section, example=EXAMPLES[section])
    result: dict[str, Any] = {}
    folded: dict[str, str] = {}
    looks: dict[str, str] = {}
    for name in table.data:
        if not pattern.fullmatch(name):
            table.refuse(name, "a name has letters, digits, . _ - and at most 64 characters", "choose another name")
        twin = folded.setdefault(name.lower(), name)
        if twin != name:
            table.refuse(name, f"differs from {twin!r} only in case, which some file systems do not tell apart")
        twin = looks.setdefault(id_look(name), name)
        if twin != name:
            table.refuse(name, f"looks like {twin!r}", "0 and O, and 1, l and I look alike: choose another name")
        result[name] = read(table.child(name, example=EXAMPLES[section]))
    return MappingProxyType(result)


EXAMPLES: Final = {
    "evalsets": '{ path = "evalsets/support.jsonl" }',
    "candidates": '{ model = "gpt-5-mini", system = "prompts/support.md" }',
    "scorers": '{ use = "equals" }',
    "gates": '{ candidate = "bot", evalset = "support", limits = { exact = 0.05 } }',
    "prices": "{ input = 0.25, output = 2.0 }",
    "rates": "{ rpm = 500 }",
}


def _evalset(table: Table, *, files: Config) -> EvalSetConfig:
    values = table.values(keys.EVALSET)
    table.require("path")
    for key in ("path", "corpus"):
        if key in values:
            existing_file(table, key, files=files)
    return EvalSetConfig(**values, name=str(table.path[-1]), where=table.place)


def read_scorer(table: Table) -> ScorerSpec:
    """One scorer: what every scorer may carry is checked here, the rest when it is built.

    Raises:
        ConfigError: If ``use`` is missing or a common key is wrong.
    """
    table.require("use")
    values = {key: table.value(key, rule) for key, rule in keys.SCORER.items() if key in table.data}
    use = values.pop("use").replace("-", "_")
    name = str(table.path[-1])
    if name in keys.BUILT_IN_SCORERS and use != name:
        table.refuse("use", f"{name!r} is built in and means use = {name!r}", "choose another name for this scorer")
    params = {key: value for key, value in table.data.items() if key not in keys.SCORER}
    component = ComponentSpec(name=name, use=use, params=freeze(params), where=table.place)
    return ScorerSpec(component=component, negate=values.pop("not", False), **values)


def _prices(top: Table) -> Mapping[str, tuple[float, float]]:
    section = top.child("prices", example=EXAMPLES["prices"])
    prices = {}
    for name in section.data:
        table = section.child(name, example=EXAMPLES["prices"])
        values = table.values(keys.PRICE)
        table.require("input", "output")
        prices[name] = (values["input"], values["output"])
    return MappingProxyType(prices)


def _rates(top: Table) -> Mapping[str, Mapping[str, float]]:
    section = top.child("rates", example=EXAMPLES["rates"])
    tables = {host: section.child(host, example=EXAMPLES["rates"]) for host in section.data}
    return MappingProxyType({host: MappingProxyType(table.values(keys.RATE)) for host, table in tables.items()})
