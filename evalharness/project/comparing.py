"""``evalh compare``: any two runs, candidates or answers files side by side, under the gate's own rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalharness.config.model import GateConfig, LimitConfig
from evalharness.core.cases import EvalSet
from evalharness.core.errors import ConfigError, UsageError
from evalharness.core.protocols import Candidate, Recording, ScorerFacts
from evalharness.core.results import CallCounts
from evalharness.core.verdicts import Comparison
from evalharness.project.afterwards import merge_note, warnings_of
from evalharness.project.arms import scored, stored_baseline
from evalharness.project.execution import Stopwatch
from evalharness.project.gating import together, with_facts
from evalharness.project.judging import judge_candidate
from evalharness.project.recorded_words import is_run, run_of_word, typed_path
from evalharness.project.running import fits
from evalharness.project.words import arm_of_word, evalset_of_word
from evalharness.project.workspace import Workspace
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.conclusion import Ending, conclude
from evalharness.verdict.judge import GateCase, GateJudge
from evalharness.verdict.pairing import check_pairing, grouped, order_seed, pair
from evalharness.verdict.preflight import preflight

DEFAULT_MARGIN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What ``compare`` was asked for."""

    a: str
    """RUN word of the baseline; when ``b`` is None, of the candidate against the stored baseline."""
    b: str | None = None
    """RUN word of the candidate."""
    evalset: str | None = None
    """``--set``: a name in the config, or a path."""
    scorers: tuple[str, ...] = ()
    """``--scorer USE[:k=v,..]`` or names in the config; empty: those of the gate, or every scorer that fits."""
    margin: float | None = None
    """Margin for every scorer; None: the gate's own, else 0.05, said aloud."""


def compare(workspace: Workspace, wanted: Sides) -> tuple[Comparison, bool]:
    """Compare two sides.

    Args:
        workspace: The opened project, or one without a config.
        wanted: The two sides, the eval set, the scorers.

    Returns:
        The comparison with its verdict, and whether a margin is in force (else the exit code is 0).

    Raises:
        UsageError: If a word means nothing, or both sides are the same word.
        Refused: If something is not comparable.
    """
    watch = Stopwatch()
    if wanted.b is not None and _same(workspace, wanted.a, wanted.b):
        raise UsageError(f"{wanted.a!r} is compared with itself", tip="name two different runs, candidates or files")
    gate = close_gate(workspace, wanted)
    evalset = _evalset(workspace, wanted, gate)
    scorers = _scorers(workspace, wanted, gate, evalset)
    limits, in_force, said = _limits(wanted, gate, scorers)
    rule = replace(gate, limits=limits) if gate is not None else bare_gate(evalset, limits)
    side_b = wanted.b if wanted.b is not None else wanted.a
    if wanted.b is None:
        arm = scored(stored_baseline(workspace, rule.name), scorers, evalset)
    else:
        arm = arm_of_word(workspace, wanted.a, evalset=evalset, scorers=scorers, gate=gate.name if gate else "")
    candidate = _candidate(workspace, side_b, evalset)
    if candidate is not None:
        # Recorded answers cost nothing, so all of them are read: the verdict is the same, the numbers are better.
        whole = replace(rule, stop="never") if isinstance(candidate, Recording) else rule
        judged = judge_candidate(workspace, whole, evalset, scorers, candidate, arm)
        facts = (candidate.name, candidate.digest)
    else:
        other = arm_of_word(workspace, side_b, evalset=evalset, scorers=scorers, gate=gate.name if gate else "")
        judged = two_arms(rule, evalset, scorers, arm, other)
        facts = (other.name, other.digest)
    judged = with_facts(judged, evalset, *facts, seconds=watch.seconds, notes=said)
    return replace(judged, verdict=together([judged.gate])), in_force


def _same(workspace: Workspace, a: str, b: str) -> bool:
    """Whether two words name the same file or run, however they are written."""
    if a == b:
        return True
    files = [typed_path(workspace, word) for word in (a, b)]
    if all(file.is_file() for file in files):
        return files[0].samefile(files[1])
    both = [word not in workspace.config.candidates and is_run(word) for word in (a, b)]
    return all(both) and run_of_word(workspace, a).header.run_id == run_of_word(workspace, b).header.run_id


def close_gate(workspace: Workspace, wanted: Sides) -> GateConfig | None:
    """The gate whose limits serve: the only one that uses the candidate or the eval set, if there is exactly one."""
    gates = list(workspace.config.gates.values())
    names = {wanted.a, wanted.b}
    close = [
        gate for gate in gates if gate.candidate in names or gate.baseline in names or gate.evalset == wanted.evalset
    ]
    for choice in (close, gates):
        if len(choice) == 1 and not wanted.scorers and wanted.evalset in (None, choice[0].evalset):
            return choice[0]
    return None


def _evalset(workspace: Workspace, wanted: Sides, gate: GateConfig | None) -> EvalSet:
    name = wanted.evalset or (gate.evalset if gate is not None else None)
    known = workspace.config.evalsets
    if name is None and len(known) == 1:
        name = next(iter(known))
    if name is None:
        raise UsageError("which eval set?", tip=f"--set NAME or --set FILE; defined: {', '.join(known) or 'none'}")
    return evalset_of_word(workspace, name)


def _scorers(workspace: Workspace, wanted: Sides, gate: GateConfig | None, evalset: EvalSet) -> dict[str, ScorerFacts]:
    if wanted.scorers:
        return {text: scorer_of_text(workspace, text) for text in wanted.scorers}
    if gate is not None:
        return workspace.gate_scorers(gate)
    built = {name: workspace.scorer(name) for name in workspace.config.scorers}
    fitting = {name: s for name, s in built.items() if not s.costly and fits(s, evalset)}
    if not fitting:
        raise UsageError("no scorer to compare with", tip="--scorer rougeL, or --scorer number:after=A:")
    return fitting


def scorer_of_text(workspace: Workspace, text: str) -> ScorerFacts:
    """A scorer from ``USE[:k=v,..]``, or a name in the config."""
    if text in workspace.config.scorers:
        return workspace.scorer(text)
    from evalharness.scorers.registry import build_scorer, spec_of

    use, _, rest = text.partition(":")
    table: dict[str, object] = {"use": use}
    for pair_ in filter(None, rest.split(",")):
        key, equals, value = pair_.partition("=")
        if not equals:
            raise UsageError(f"--scorer {text!r}: expected USE:key=value,key=value", tip="for example number:rule=last")
        table[key.strip()] = _value(value.strip())
    return build_scorer(spec_of(table, name=text, where=f"--scorer {text}"), root=workspace.root)


def _value(text: str) -> object:
    """A TOML-like scalar: true, false, a number, else text."""
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _limits(
    wanted: Sides, gate: GateConfig | None, scorers: Mapping[str, ScorerFacts]
) -> tuple[tuple[LimitConfig, ...], bool, tuple[str, ...]]:
    """The limits in force, whether a margin is, and what to say about it."""
    if gate is not None and wanted.margin is None:
        return gate.limits, True, ()
    if gate is None and wanted.margin is None and not wanted.scorers:
        return tuple(LimitConfig(scorer=name, role="report") for name in scorers), False, ()
    margin = DEFAULT_MARGIN if wanted.margin is None else wanted.margin
    said = (
        ()
        if wanted.margin is not None
        else (f"margin {DEFAULT_MARGIN:g} on every scorer, because none was given (--margin)",)
    )
    return tuple(limit_of(scorer, margin) for scorer in scorers.values()), True, said


def limit_of(scorer: ScorerFacts, margin: float) -> LimitConfig:
    """The limit of a scorer that was only named: a guard with a margin, or a report where its scale has no end."""
    unbounded = scorer.high == float("inf")
    return LimitConfig(
        scorer=scorer.name, role="report" if unbounded else "guard", margin=None if unbounded else margin
    )


def bare_gate(evalset: EvalSet, limits: Sequence[LimitConfig]) -> GateConfig:
    """A gate that no config has, for one comparison."""
    return GateConfig(name="compare", candidate="", evalset=evalset.name, limits=tuple(limits))


def _candidate(workspace: Workspace, word: str, evalset: EvalSet) -> Candidate | Recording | None:
    """The side that is run case by case, so that it can stop early; None for runs that exist as a whole."""
    if word in workspace.config.candidates:
        return workspace.candidate(word, evalset.name)
    path = typed_path(workspace, word)
    if path.suffix == ".jsonl" and path.is_file():
        with path.open("rb") as file:
            if b'"evalh":"baseline/' not in file.read(200):
                return workspace.recording(path, path.stem)
    return None


def two_arms(
    rule: GateConfig, evalset: EvalSet, scorers: Mapping[str, ScorerFacts], arm: Baseline, other: Baseline
) -> Comparison:
    """Two finished runs: the same judge, fed from memory."""
    pairing = pair(evalset, arm.results, whole_groups=grouped(scorers.values()))
    check_pairing(pairing, max_changed=rule.max_changed, where=arm.path or arm.name)
    judge = GateJudge(
        GateCase(
            gate=replace(rule, epochs=other.epochs, stop="never"),
            baseline=arm,
            pairing=pairing,
            scorers=scorers,
            order_seed=rule.order_seed or order_seed(evalset.digest, arm.run, ""),
            recorded=True,
            cases=evalset.living,
            slice_fields=evalset.slices,
        )
    )
    for case in judge.order():
        if case.id not in other.results:
            raise ConfigError(f"the run of {other.name!r} has no answer to case {case.id!r}", tip="compare whole runs")
        if judge.observe(other.results[case.id]):
            break
    planned = len(judge.order())
    calls = CallCounts(planned=planned, replayed=judge.used)
    warnings = warnings_of(judge, description=other.params, looks=0)
    verdict = conclude(judge, Ending(run=other.run, calls=calls, warnings=warnings, notes=preflight(judge)))
    verdict = replace(verdict, notes=(*verdict.notes, *merge_note(judge, verdict)))
    cases = {case.id: case for case in judge.order()}
    return Comparison(
        gate=verdict,
        cases=cases,
        baseline=arm.results,
        candidate=other.results,
        paths=judge.paths(),
        chances=judge.chances,
    )
