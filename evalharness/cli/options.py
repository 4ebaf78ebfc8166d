"""From flags and environment to ``RunOptions``: flags win over EVALH_* variables, the config comes last."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from evalharness.cli.console import is_terminal
from evalharness.cli.parser import TYPES
from evalharness.core.errors import UsageError
from evalharness.core.options import RunOptions
from evalharness.project.environment import from_fork, in_ci, switch

Value = TypeVar("Value")

_KEY_HOST: Final = re.compile(r"([A-Z0-9_]*_API_KEY)=([^=\s,;]+(?:,[^=\s,;]+)*)", re.ASCII)


def options_from(args: argparse.Namespace, env: Mapping[str, str] | None = None) -> RunOptions:
    """What a person asked of ``run``, ``gate``, ``compare`` or ``promote``.

    Args:
        args: Parsed arguments; flags that the command does not have count as not given.
        env: Environment; the process's own when None.

    Raises:
        UsageError: If a variable or ``--key-host`` cannot be read.
    """
    env = os.environ if env is None else env
    given: dict[str, Any] = vars(args)
    return RunOptions(
        case=given.get("case"),
        tag=given.get("tag"),
        limit=given.get("limit"),
        max_cost=_first(given.get("max_cost"), env, "EVALH_MAX_COST", TYPES["money"]),
        jobs=_first(given.get("jobs"), env, "EVALH_JOBS", TYPES["count"]),
        fresh=given.get("fresh", False),
        answers=given.get("answers"),
        epochs=given.get("epochs"),
        offline=is_offline(args, env),
        dry_run=given.get("dry_run", False),
        yes=given.get("yes", False),
        interactive=not in_ci(env) and is_terminal(sys.stdin) and is_terminal(sys.stderr),
        untrusted=given.get("untrusted", False) or from_fork(env),
        key_hosts=key_hosts(given.get("key_host", []), env),
        judges=given.get("judges", False),
        progress=_progress(args),
    )


def looking(env: Mapping[str, str] | None = None) -> RunOptions:
    """The options of commands that call nothing: a fork's code is not run to look at it either."""
    return RunOptions(offline=True, untrusted=from_fork(os.environ if env is None else env))


def is_offline(args: argparse.Namespace, env: Mapping[str, str] | None = None) -> bool:
    """True under ``--offline`` or EVALH_OFFLINE.

    Raises:
        UsageError: If the variable is neither 1 nor 0.
    """
    return bool(args.offline) or switch(os.environ if env is None else env, "EVALH_OFFLINE")


def _progress(args: argparse.Namespace) -> Any:
    from evalharness.cli.progress import progress_sink

    return progress_sink(args)


def _first(flag: Value | None, env: Mapping[str, str], name: str, read: Callable[[str], Value]) -> Value | None:
    """The flag, else the variable, else None."""
    if flag is not None or not env.get(name):
        return flag
    try:
        return read(env[name])
    except argparse.ArgumentTypeError as error:
        raise UsageError(str(error), where=name) from None


def key_hosts(flags: list[str], env: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """Key variable -> hosts that may receive its value, from ``--key-host`` and EVALH_KEY_HOSTS.

    Args:
        flags: ``NAME=HOST[,HOST]`` each.
        env: EVALH_KEY_HOSTS holds the same, separated by spaces or semicolons.

    Raises:
        UsageError: If one is written in another way.
    """
    given = [("--key-host", word) for word in flags]
    given += [("EVALH_KEY_HOSTS", word) for word in re.split(r"[;\s]+", env.get("EVALH_KEY_HOSTS", "")) if word]
    hosts: dict[str, tuple[str, ...]] = {}
    for where, word in given:
        match = _KEY_HOST.fullmatch(word)
        if match is None:
            tip = "NAME is an environment variable that ends in _API_KEY"
            raise UsageError(f"expected NAME=HOST[,HOST], got {word!r}", where=where, tip=tip)
        new = tuple(host.lower() for host in match[2].split(","))
        hosts[match[1]] = tuple(dict.fromkeys((*hosts.get(match[1], ()), *new)))
    return MappingProxyType(hosts)
