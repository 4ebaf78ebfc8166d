"""``evalh doctor``: what is installed, which config counts and where each value came from, keys, the store."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from evalharness.cli import console
from evalharness.config.model import Config
from evalharness.core.errors import EXIT_CODES, EvalhError
from evalharness.core.masking import mask

BASE: Final = (
    "openai",
    "aiohttp",
    "bm25s",
    "jinja2",
    "jsonschema",
    "nltk",
    "numpy",
    "rapidfuzz",
    "rich",
    "rouge-score",
    "sacrebleu",
)
EXTRAS: Final = {
    "datasets": "data",
    "bert-score": "bertscore",
    "torch": "bertscore",
    "genai-prices": "prices",
    "pytest": "pytest",
}
"""Package -> extra that brings it."""
PLUG_INS: Final = ("evalharness.scorers", "evalharness.candidates", "evalharness.reports")
VARIABLES: Final = (
    "EVALH_CONFIG",
    "EVALH_MAX_COST",
    "EVALH_OFFLINE",
    "EVALH_JOBS",
    "EVALH_DIR",
    "EVALH_WAIT",
    "EVALH_KEY_HOSTS",
    "OPENAI_BASE_URL",
)
"""Environment variables that change what commands do; none holds a secret."""
OVERRIDES: Final = {"max_cost": "EVALH_MAX_COST", "jobs": "EVALH_JOBS"}
"""Key of ``defaults`` -> variable that wins over it."""


def execute(args: argparse.Namespace) -> int:
    """Report, or do one of the jobs on the store.

    Raises:
        EvalhError: If a job on the store fails; what is wrong with the config is part of the report.
    """
    config, problem = _config(args.config)
    folder = state_folder(config, os.environ)
    if args.check or args.prune is not None or args.forget is not None:
        return _store_jobs(args, folder)
    facts = collect(config, problem, folder, env=os.environ)
    if args.json:
        console.answer_json(facts)
    else:
        console.answer("\n".join(lines(facts)))
    return 0


def _config(named: str | None) -> tuple[Config | None, EvalhError | None]:
    from evalharness.config.load import load_config

    try:
        return load_config(Path(), config=named), None
    except EvalhError as error:
        return None, error


def state_folder(config: Config | None, env: Mapping[str, str]) -> Path:
    """Folder of the store: EVALH_DIR, else ``.evalh`` beside the config."""
    return (config.root if config else Path.cwd()) / env.get("EVALH_DIR", ".evalh")


def collect(
    config: Config | None, problem: EvalhError | None, folder: Path, *, env: Mapping[str, str]
) -> dict[str, Any]:
    """Everything that the report shows, as JSON values. Keys are looked for, never read out."""
    return {
        "versions": _versions(),
        "packages": {name: _package(name) for name in BASE},
        "extras": {name: _package(name) for name in EXTRAS},
        "plug_ins": _plug_ins(),
        "config": {"path": config.path if config else None, "problem": str(problem) if problem else None},
        "values": _values(config, env) if config else {},
        "environment": {name: mask(env[name]) for name in VARIABLES if name in env},
        "keys": _keys(config, env),
        "store": {"folder": str(folder), "bytes": _size(folder)},
        "notes": list(_notes()),
    }


def _versions() -> dict[str, str]:
    import sqlite3

    from evalharness import __version__

    return {
        "evalharness": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _package(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _plug_ins() -> dict[str, list[str]]:
    from importlib.metadata import entry_points

    return {group: sorted(f"{point.name} = {point.value}" for point in entry_points(group=group)) for group in PLUG_INS}


def _values(config: Config, env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Each default of a run with the place it came from."""
    values = {}
    written = config.raw.get("defaults", {})
    for name in ("seed", "max_cost", "jobs", "timeout"):
        value, source = getattr(config.defaults, name), config.path if name in written else "default"
        if env.get(OVERRIDES.get(name, "")):
            value, source = env[OVERRIDES[name]], OVERRIDES[name]
        values[name] = {"value": value, "from": source}
    return values


def _keys(config: Config | None, env: Mapping[str, str]) -> dict[str, str]:
    """Key variable -> ``set``, ``empty`` or ``missing``."""
    named = {"OPENAI_API_KEY"}
    for spec in [*config.candidates.values(), *(s.component for s in config.scorers.values())] if config else []:
        name = spec.params.get("api_key_env")
        if isinstance(name, str):
            named.add(name)
    state = {True: "set", False: "empty", None: "missing"}
    return {name: state[bool(env[name]) if name in env else None] for name in sorted(named)}


def _size(folder: Path) -> int | None:
    """Bytes below a folder; None when there is none."""
    if not folder.is_dir():
        return None
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _notes() -> Iterator[str]:
    if platform.system() == "Windows":
        yield "Windows is untested: Linux and macOS are supported"


def lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """The report for a person."""
    versions = facts["versions"]
    yield f"evalh     {versions['evalharness']}, Python {versions['python']}, SQLite {versions['sqlite']}, {versions['system']}"
    present = [f"{name} {version}" for name, version in facts["packages"].items() if version]
    yield f"packages  {', '.join(present)}"
    for name, version in facts["packages"].items():
        if version is None:
            yield f"          {name} is missing: pip install evalharness"
    for name, version in facts["extras"].items():
        yield f"extra     {name} {version or f'not installed: pip install {_extra(name)}'}"
    for group, points in facts["plug_ins"].items():
        yield from (f"plug-in   {point} ({group})" for point in points)
    yield f"config    {facts['config']['path'] or 'none'}"
    if facts["config"]["problem"]:
        yield from (f"          {line.strip()}" for line in facts["config"]["problem"].splitlines())
    for name, entry in facts["values"].items():
        yield f"          {name} = {'none' if entry['value'] is None else entry['value']}  ({entry['from']})"
    yield from (f"env       {name}={value}" for name, value in facts["environment"].items())
    yield from (f"key       {name} is {state}" for name, state in facts["keys"].items())
    size = facts["store"]["bytes"]
    yield f"store     {facts['store']['folder']}  {'not made yet' if size is None else megabytes(size)}"
    yield from (f"note      {note}" for note in facts["notes"])


def _extra(package: str) -> str:
    return f"'evalharness[{EXTRAS[package]}]'"


def megabytes(size: int) -> str:
    """``0.4 MB`` (10^6 bytes)."""
    return f"{size / 1e6:.1f} MB"


def _store_jobs(args: argparse.Namespace, folder: Path) -> int:
    """Prune, forget and check, in this order; the findings of a check are the answer."""
    from evalharness.store import care

    result: dict[str, Any] = {"folder": str(folder)}
    if args.prune is not None:
        result["pruned"] = asdict(care.prune(folder, args.prune, on_wait=console.say))
    if args.forget is not None:
        result["forgotten"] = asdict(care.forget(folder, args.forget, on_wait=console.say))
    if args.check:
        result["findings"] = care.check(folder)
    if args.json:
        console.answer_json(result)
    else:
        console.answer("\n".join(_job_lines(result)))
    return EXIT_CODES["store"] if result.get("findings") else 0


def _job_lines(result: Mapping[str, Any]) -> Iterator[str]:
    for job in ("pruned", "forgotten"):
        if job in result:
            counts = ", ".join(f"{count} {what}" for what, count in result[job].items())
            yield f"{job}  {counts}"
    if "findings" in result:
        yield from result["findings"] or [f"sound  {result['folder']}"]
    if result.get("findings"):
        yield "The store is damaged: move the folder away; recorded answers are asked for again, baselines are not in it."
