"""``evalh run``: answer the cases and score the answers, without a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import cast

from evalharness.core.cases import EvalSet
from evalharness.core.errors import UsageError
from evalharness.core.protocols import CorpusScorer, ScorerFacts
from evalharness.core.results import Failure, Run, Score, Unscored
from evalharness.project.execution import Task, execute
from evalharness.project.workspace import Workspace, selected


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerSummary:
    """One scorer over a run."""

    scorer: str
    n: int
    mean: float | None
    """In the scorer's own unit; of a corpus metric the corpus value, which is no mean."""
    unscored: int
    failed: int
    signature: str
    unit: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What ``run`` prints of one candidate."""

    run: Run
    evalset: EvalSet
    scorers: tuple[ScorerSummary, ...]
    not_applicable: tuple[str, ...]
    """Scorers of the config that the eval set has no fields for, or that need ``--judges``."""
    selected: int
    """Cases asked."""

    @property
    def outcome(self) -> str:
        """``pass`` when everything is answered and scored, else ``incomplete``."""
        whole = self.run.complete and not any(s.failed for s in self.scorers)
        return "pass" if whole and self.selected == len(self.evalset) else "incomplete"


def run_candidates(workspace: Workspace, names: Sequence[str], evalset_name: str | None) -> list[RunSummary]:
    """Run candidates on an eval set with every scorer that fits.

    Args:
        workspace: The opened project.
        names: Candidates; empty means the only one there is.
        evalset_name: Eval set; None means the only one there is (or the one the candidate's gates use).

    Raises:
        UsageError: If it is not clear what to run.
    """
    names, evalset = which(workspace, names, evalset_name)
    scorers, left_out = fitting_scorers(workspace, evalset)
    wanted = selected(evalset, workspace.options)
    cases = evalset.living if wanted is None else tuple(case for case in evalset.living if case.id in wanted)
    summaries = []
    for name in names:
        candidate = workspace.candidate(name, evalset.name)
        task = Task(
            purpose="run",
            candidate=candidate,
            evalset=evalset,
            cases=cases,
            scorers=tuple(scorers.values()),
            epochs=workspace.options.epochs or 1,
            resume=f"evalh run {name} --set {evalset.name}",
        )
        run = execute(workspace, task)
        summaries.append(
            RunSummary(
                run=run,
                evalset=evalset,
                scorers=tuple(summarise(run, scorer, evalset) for scorer in scorers.values()),
                not_applicable=tuple(left_out),
                selected=len(cases),
            )
        )
    return summaries


def which(workspace: Workspace, names: Sequence[str], evalset_name: str | None) -> tuple[list[str], EvalSet]:
    """The candidates and the eval set that are meant.

    Raises:
        UsageError: If there are several and none is named.
    """
    found = list(names) or _only("candidate", list(workspace.config.candidates))
    return found, workspace.evalset(evalset_name or _evalset_for(workspace, found))


def unit_of(signature: str) -> str:
    """Unit in which a scorer's values are shown, by its word (or signature, which begins with it): ``points`` on 0..1."""
    return {"latency": "s", "cost": "USD", "ter": ""}.get(signature.partition("|")[0], "points")


def summarise(run: Run, scorer: ScorerFacts, evalset: EvalSet) -> ScorerSummary:
    """Mean (or corpus value) and counts of one scorer over a run's first attempts."""
    values, unscored, failed = [], 0, 0
    for result in run.results.values():
        for trial in result.epoch_trials():
            score = trial.scores.get(scorer.name)
            if isinstance(score, Score):
                values.append(score.value)
            elif isinstance(score, Unscored):
                unscored += 1
            elif isinstance(score, Failure) or not isinstance(trial.output, Failure):
                failed += 1
    mean = fmean(values) if values else None
    if callable(getattr(scorer, "aggregate", None)):
        from evalharness.verdict.corpus import corpus_value  # a run starts without what it may not need

        mean = corpus_value(cast("CorpusScorer", scorer), run.results, evalset.by_id)
    return ScorerSummary(
        scorer=scorer.name,
        n=len(values),
        mean=mean,
        unscored=unscored,
        failed=failed,
        signature=scorer.signature,
        unit=unit_of(scorer.use),
        direction=scorer.direction,
    )


def fits(scorer: ScorerFacts, evalset: EvalSet) -> bool:
    """Whether the eval set has the fields that a scorer cannot do without."""
    return all(any(getattr(case, need) not in (None, (), {}) for case in evalset.living) for need in scorer.needs)


def fitting_scorers(workspace: Workspace, evalset: EvalSet) -> tuple[dict[str, ScorerFacts], list[str]]:
    """The scorers of the config that an eval set has the fields for, and the names of the others.

    Scorers that call an endpoint are among them only under ``--judges``.
    """
    kept, left_out = {}, []
    for name in workspace.config.scorers:
        scorer = workspace.scorer(name)
        if fits(scorer, evalset) and (workspace.options.judges or not scorer.costly):
            kept[name] = scorer
        else:
            left_out.append(name)
    if any(case.checks for case in evalset.living):
        kept.setdefault("checks", workspace.scorer("checks"))
    return kept, left_out


def _only(kind: str, names: list[str]) -> list[str]:
    if len(names) != 1:
        raise UsageError(f"which {kind}?", tip=f"defined: {', '.join(names) or 'none'}")
    return names


def _evalset_for(workspace: Workspace, names: Sequence[str]) -> str:
    used = {gate.evalset for gate in workspace.config.gates.values() if gate.candidate in names}
    return _only("eval set", sorted(used) if len(used) == 1 else list(workspace.config.evalsets))[0]
