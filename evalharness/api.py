"""The Python face: the same commands as functions. ``evalharness.NAME`` is here; ``evalharness.aio.NAME`` is its async twin.

import evalharness as eh

verdict = eh.gate("support")                                     # a gate of evalh.toml
verdict = eh.gate(answer, evalset="docs", baseline="bm25", limits={"recall@10": 0.01})
comparison = eh.compare("old.jsonl", "new.jsonl", evalset="evalsets/qa.jsonl", scorers=["exact_match"])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import UsageError
from evalharness.core.options import RunOptions
from evalharness.core.results import Output, Run, Score, Unscored
from evalharness.core.verdicts import Comparison, Verdict

if TYPE_CHECKING:
    from evalharness.project.workspace import Workspace

Limits: TypeAlias = Mapping[str, float | Mapping[str, Any]]
"""Scorer name -> margin, or a table with the keys of the config (margin, role, every, ...)."""


def load_evalset(path: str | Path, *, name: str | None = None) -> EvalSet:
    """Read an eval set.

    Args:
        path: A JSONL file of cases.
        name: Its name; the file's stem when left out.

    Raises:
        EvalSetError: If the file is missing or wrong, with ``FILE:LINE: field``.
    """
    from evalharness.evalset.jsonl import load_evalset as load

    return load(path, name=name)


def score(scorer: Mapping[str, Any], *, output: str | Output, case: Case | Mapping[str, Any]) -> Score | Unscored:
    """Score one output of one case.

    Args:
        scorer: A config table, such as ``{"use": "rougeL"}``.
        output: The answer, as text or whole.
        case: A case, or a mapping with its fields.

    Returns:
        The score, or ``Unscored`` where the scorer does not apply.

    Raises:
        ConfigError: If the table is wrong.
        RuntimeError: If the scorer itself broke.
    """
    from evalharness.scorers.registry import score as score_one

    result = score_one(scorer, output=output, case=case)
    if isinstance(result, (Score, Unscored)):
        return result
    raise RuntimeError(result.message)


def evaluate(
    candidate: str,
    evalset: str | None = None,
    *,
    directory: str | Path = ".",
    config: str | None = None,
    options: RunOptions | None = None,
) -> Run:
    """Run a candidate of the config on an eval set of the config, with every scorer that fits.

    Args:
        candidate: Its name.
        evalset: Name; None when there is only one.
        directory: Folder of the project.
        config: Config file; None for the nearest one.
        options: As the flags of ``evalh run``.

    Raises:
        EvalhError: As the command.
    """
    from evalharness.project.running import run_candidates
    from evalharness.project.untrusted import open_project

    with open_project(Path(directory), config=config, options=options) as workspace:
        return run_candidates(workspace, [candidate], evalset)[0].run


def gate(
    candidate: str | Callable[..., Any],
    *,
    evalset: str | None = None,
    baseline: str | None = None,
    limits: Limits | None = None,
    directory: str | Path = ".",
    config: str | None = None,
    options: RunOptions | None = None,
) -> Verdict:
    """Judge a gate of the config, or a candidate under limits given here.

    Args:
        candidate: A gate's name (with nothing else), or a candidate's name or a function ``case -> str | Output``.
        evalset: Eval set of the config, with ``limits``.
        baseline: A RUN word; with ``limits`` a candidate's name or an answers file.
        limits: Scorer name -> margin or limit table.
        directory: Folder of the project.
        config: Config file; None for the nearest one.
        options: As the flags of ``evalh gate``.

    Returns:
        The verdict; true in a condition iff the exit code would be 0.

    Raises:
        EvalhError: Only for what ends a whole command; a refusal of the gate is its outcome.
    """
    from evalharness.project.untrusted import open_project

    with open_project(Path(directory), config=config, options=options) as workspace:
        return judged(workspace, candidate, evalset=evalset, baseline=baseline, limits=limits)[0]


def judged(
    workspace: Workspace,
    candidate: str | Callable[..., Any],
    *,
    evalset: str | None = None,
    baseline: str | None = None,
    limits: Limits | None = None,
) -> tuple[Verdict, list[Comparison]]:
    """As :func:`gate`, in a project that is open already; the comparison comes with the verdict.

    Raises:
        UsageError: If what was given does not go together.
        EvalhError: Only for what ends a whole command.
    """
    from evalharness.project.gating import gate_all, judge_with

    if limits is None:
        if not isinstance(candidate, str) or evalset is not None:
            raise UsageError("a candidate needs limits", tip='limits={"exact": 0.05}, or name a gate of the config')
        return gate_all(workspace, [candidate], baseline=baseline)
    if evalset is None:
        raise UsageError("limits need an eval set", tip='evalset="NAME"')
    name = candidate if isinstance(candidate, str) else getattr(candidate, "__name__", "candidate")
    rule = GateConfig(name=name, candidate=name, evalset=evalset, baseline=baseline, limits=_limit_configs(limits))
    return judge_with(workspace, rule, candidate)


def compare(
    a: str,
    b: str | None = None,
    *,
    evalset: str | None = None,
    scorers: Sequence[str] = (),
    margin: float | None = None,
    directory: str | Path = ".",
    config: str | None = None,
) -> Comparison:
    """Compare two runs, candidates or answers files; ``a`` is the baseline, ``b`` the candidate.

    Args:
        a: RUN word of the baseline; alone, the candidate against the stored baseline.
        b: RUN word of the candidate.
        evalset: Name or path.
        scorers: ``USE[:key=value,..]`` or names of the config.
        margin: For every scorer.
        directory: Folder of the project; without a config there, two files can still be compared.
        config: Config file; None for the nearest one.

    Raises:
        EvalhError: As the command.
    """
    from evalharness.project.comparing import Sides
    from evalharness.project.comparing import compare as compare_sides

    with open_for_compare(Path(directory), config, RunOptions()) as workspace:
        sides = Sides(a=a, b=b, evalset=evalset, scorers=tuple(scorers), margin=margin)
        return compare_sides(workspace, sides)[0]


def open_for_compare(directory: Path, config: str | None, options: RunOptions) -> Any:
    """The project of a folder, or an empty one where there is no config: two files need none."""
    from evalharness.core.errors import ConfigError
    from evalharness.project.untrusted import open_project
    from evalharness.project.workspace import without_config

    try:
        return open_project(directory, config=config, options=options)
    except ConfigError as error:
        if error.code != "no_config" or config is not None:
            raise
        return without_config(directory, options)


def _limit_configs(limits: Limits) -> tuple[LimitConfig, ...]:
    plain = LimitConfig(scorer="")
    return tuple(
        replace(plain, scorer=name, margin=float(limit))
        if isinstance(limit, (int, float))
        else replace(plain, scorer=name, **dict(limit))
        for name, limit in limits.items()
    )
