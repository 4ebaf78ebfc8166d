"""``evalh lint``: config, scorers, eval sets, answers files, rubrics and lock; ``--fix`` tidies and locks."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalharness.cli import console
from evalharness.core.errors import EXIT_CODES, ConfigError, ExtraMissing, Refused, UsageError
from evalharness.core.files import shown

if TYPE_CHECKING:
    from evalharness.config.model import Config
    from evalharness.evalset.findings import Finding

RUNS_CODE: Final = ("python",)
"""Scorer words that are not built here: a check of files runs none of the project's code."""


def execute(args: argparse.Namespace) -> int:
    """Print the findings.

    Returns:
        0, or 2 with findings left.

    Raises:
        EvalhError: If the config itself is wrong, or a file cannot be rewritten.
    """
    paths = [Path(path) for path in args.paths]
    config = _config(args, paths)
    findings = list(find(config, paths, fix=args.fix))
    left = sum(finding.counts for finding in findings)
    code = EXIT_CODES["refused"] if left else EXIT_CODES["pass"]
    if args.json:
        console.answer_json({"exit_code": code, "findings": [asdict(finding) for finding in findings]})
        return code
    if not args.quiet:
        for finding in findings:
            console.answer(finding.text())
    console.answer(summary(findings))
    return code


def find(config: Config | None, paths: Sequence[Path], *, fix: bool) -> Iterator[Finding]:
    """Everything that is wrong or doubtful.

    Args:
        config: The project; None without one, when only files are looked at.
        paths: Files to look at; all that the config names when empty.
        fix: Rewrite eval sets and evalh.lock.

    Raises:
        UsageError: If a path is neither named by the config nor a .jsonl file.
    """
    strangers = [path for path in paths if config is None or path.resolve() not in named_files(config)]
    if config is not None and (not paths or len(strangers) < len(paths)):
        from evalharness.evalset.lint import lint_config

        yield from scorer_findings(config)
        yield from lint_config(config, paths, fix, committed=lambda path: _committed(config, path))
    from evalharness.evalset.findings import look_at_set

    for path in strangers:
        if path.suffix != ".jsonl" or not path.is_file():
            problem = "is no file" if not path.is_file() else "is not named by the config, and is no .jsonl file"
            raise UsageError(f"{shown(path)} {problem}", tip="evalh lint alone checks all that the config names")
        yield from look_at_set(path, fix=fix).findings


def named_files(config: Config) -> frozenset[Path]:
    """Every file that belongs to the project, and so is checked with it."""
    names = ["evalh.lock", str(Path(config.path).resolve())]
    names += [path for entry in config.evalsets.values() for path in (entry.path, entry.corpus) if path]
    names += [spec.params["recorded"] for spec in config.candidates.values() if spec.use == "recorded"]
    names += [gate.baseline for gate in config.gates.values() if gate.baseline is not None]
    names += [
        str(spec.component.params["rubric"]) for spec in config.scorers.values() if "rubric" in spec.component.params
    ]
    return frozenset((config.root / name).resolve() for name in names)


def scorer_findings(config: Config) -> Iterator[Finding]:
    """What is wrong with ``[scorers]``: unknown words and parameters."""
    from evalharness.evalset.findings import Finding
    from evalharness.judging.similar import DEFAULT_URL, EndpointSimilar
    from evalharness.project.rubrics import rubric_findings
    from evalharness.scorers.parameters import Params
    from evalharness.scorers.registry import JUDGE, build_scorer, by_endpoint

    for spec in config.scorers.values():
        if spec.component.use in RUNS_CODE:
            continue
        try:
            if spec.component.use == JUDGE:
                yield from rubric_findings(config, spec)
            elif by_endpoint(spec, config.root):
                EndpointSimilar(Params(spec, root=config.root), url=DEFAULT_URL)
            else:
                build_scorer(spec, root=config.root)
        except ExtraMissing:
            continue  # right, but not to be used on this machine
        except Refused as error:
            yield Finding.of(error, file=config.path)


def summary(findings: Sequence[Finding]) -> str:
    """The last line: how many findings are left, and what can be done about them."""
    left = [finding for finding in findings if finding.counts]
    fixed = sum(finding.fixed for finding in findings)
    fixable = sum(finding.fixable for finding in left)
    warnings = sum(finding.warning for finding in findings)
    parts = [f"{len(left)} finding{'' if len(left) == 1 else 's'}" if left else "clean"]
    if fixable:
        parts.append(f"{fixable} to be fixed by evalh lint --fix")
    parts += [f"{count} {word}" for count, word in ((fixed, "fixed"), (warnings, "to look at")) if count]
    return ", ".join(parts)


def _committed(config: Config, path: Path) -> bytes | None:
    from evalharness.core.errors import BaselineError
    from evalharness.project.gitfacts import file_at

    try:
        return file_at(config.root, "HEAD", path)
    except BaselineError:
        return None  # not committed yet, or no repository


def _config(args: argparse.Namespace, paths: Sequence[Path]) -> Config | None:
    """The project; None where files are named and there is no project."""
    from evalharness.config.load import load_config

    try:
        return load_config(Path(), config=args.config)
    except ConfigError as error:
        if error.code == "no_config" and paths:
            return None
        raise
