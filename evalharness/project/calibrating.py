"""``evalh calibrate``: a judge against people's labels, and against known attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalharness.core.builtin import rubric_folder, rubric_path
from evalharness.core.errors import Incomplete, UsageError
from evalharness.core.files import shown
from evalharness.core.protocols import ScorerSpec
from evalharness.core.specs import EMPTY, ComponentSpec, freeze
from evalharness.judging.agreement import human_verdict
from evalharness.judging.attacks import BOUND, MOST_BAD, attacks
from evalharness.judging.build import build_judge
from evalharness.judging.calibration import Calibration, calibrate
from evalharness.judging.labels import Label, read_labels
from evalharness.judging.observe import Observation, recorded
from evalharness.judging.rates import Rate
from evalharness.judging.record import Entry, read_entries, record_path, write_entry
from evalharness.judging.rubric import Rubric
from evalharness.judging.rubric_file import load_rubric
from evalharness.judging.scorer import JudgeScorer
from evalharness.project.execution import now
from evalharness.project.labelled import Heard, hear
from evalharness.project.workspace import Workspace

REPEATS = (0, 1)
"""Each answer is judged twice: flips are measured, never assumed to be none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackResult:
    """How many disguised bad answers passed."""

    by_way: Mapping[str, Rate]
    """Way -> attacks of it that passed."""
    calls: int = 0
    """Calls that it took."""

    @property
    def all(self) -> Rate:
        """Over all ways."""
        rates = self.by_way.values()
        return Rate(hits=sum(rate.hits for rate in rates), n=sum(rate.n for rate in rates))

    def to_json(self) -> dict[str, Any]:
        """``{passed, n, by_way}``."""
        ways = {way: {"passed": rate.hits, "n": rate.n} for way, rate in self.by_way.items()}
        return {"passed": self.all.hits, "n": self.all.n, "by_way": ways}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What ``calibrate`` prints."""

    rubric: Rubric
    judge: str
    """Digest of the judge."""
    calibration: Calibration
    attack: AttackResult | None = None
    reported: tuple[str, ...] = ()
    path: str = ""
    """File that was written; empty where nothing was."""
    calls: int = 0
    cost_usd: float = 0.0
    why_not: tuple[str, ...] = ()
    """Why the judge may not block; empty when it may."""
    notes: tuple[str, ...] = field(default=())

    @property
    def may_block(self) -> bool:
        """Whether a gate may fail on this judge's word."""
        return not self.why_not


def calibrate_judge(workspace: Workspace, rubric: str, labels: str, *, attack: bool = False) -> Calibrated:
    """Measure a judge, and write down what was measured.

    Args:
        workspace: The opened project, or one without a config.
        rubric: A rubric file, the id of a shipped rubric, or the name of a judge scorer in the config.
        labels: A file of labelled answers. Where each carries recorded verdicts, nobody is called and nothing is kept:
            recorded verdicts do not say which judge gave them.
        attack: Also try known attacks on known-bad answers.

    Raises:
        RubricError: If a file is wrong, or no label says pass or fail.
        UsageError: If several judges of the config use the rubric, or recorded verdicts are to be attacked.
        Incomplete: If not every label could be judged.
    """
    scorer = judge_of_word(workspace, rubric)
    known = read_labels(Path(labels), scorer.judge.rubric, shown=shown(labels), unlabelled=True)
    resume = f"evalh calibrate {rubric} {labels}{' --attack' if attack else ''}"
    if all(label.judged for label in known):
        return _from_records(scorer, known, attack=attack)
    heard = _all_heard(hear(workspace, scorer, known, purpose="calibrate", repeats=REPEATS, resume=resume), known)
    measured = _measured(scorer.judge.rubric, known, heard.observations)
    tried = _attacked(workspace, scorer, known, resume=resume) if attack else None
    return _kept(workspace, scorer, measured, tried, heard)


def judge_of_word(workspace: Workspace, word: str) -> JudgeScorer:
    """The judge that a word means: a scorer of the config, or a rubric (file, or id of a shipped one) as it is.

    A rubric that one judge of the config uses is that judge: its overrides count.

    Raises:
        UsageError: If several judges use the rubric, or a scorer is no judge.
    """
    named = {name: spec for name, spec in workspace.config.scorers.items() if spec.component.use == "judge"}
    if word in named:
        return _built(workspace, named[word], workspace.root)
    path = rubric_path(Path(), word)
    same = [
        spec
        for spec in named.values()
        if rubric_path(workspace.root, str(spec.component.params.get("rubric", ""))).resolve() == path.resolve()
    ]
    judges = {scorer.judge.digest: scorer for scorer in (_built(workspace, spec, workspace.root) for spec in same)}
    if len(judges) > 1:
        names = ", ".join(spec.component.name for spec in same)
        raise UsageError(f"several judges use {word}: {names}", tip="give the scorer's name in place of the rubric")
    if judges:
        return next(iter(judges.values()))
    load_rubric(path)  # the file's own errors come before those of the table made of it
    component = ComponentSpec(name=path.stem, use="judge", params={"rubric": path.name}, where=shown(path))
    return _built(workspace, ScorerSpec(component=component), path.parent)


def _built(workspace: Workspace, spec: ScorerSpec, root: Path) -> JudgeScorer:
    return build_judge(spec, root=root, endpoints=workspace.endpoints())


def _all_heard(heard: Heard, labels: Sequence[Label]) -> Heard:
    missing = [label.id for label in labels if label.id not in heard.observations]
    if missing:
        fault = heard.fault
        because = f": {fault.message}" if fault is not None else f" ({heard.run.stopped})" if heard.run.stopped else ""
        raise Incomplete(
            f"{len(missing)} of {len(labels)} labelled answers were not judged{because}",
            tip="run it again: what was judged is kept",
        )
    return heard


def _measured(rubric: Rubric, labels: Sequence[Label], seen: Mapping[str, Sequence[Observation]]) -> Calibration:
    try:
        return calibrate(rubric, [(label, seen[label.id]) for label in labels])
    except ValueError as error:
        raise UsageError(str(error), tip="labels need passed, or verdicts on what decides") from None


def _from_records(scorer: JudgeScorer, labels: Sequence[Label], *, attack: bool) -> Calibrated:
    if attack:
        raise UsageError("recorded verdicts cannot be attacked", tip="leave --attack out, or the recorded verdicts")
    rubric = scorer.judge.rubric
    measured = _measured(rubric, labels, {label.id: recorded(rubric, label) for label in labels})
    reason = "recorded verdicts do not say which judge gave them: measured, not kept"
    return Calibrated(
        rubric=rubric, judge=scorer.judge.digest, calibration=measured, why_not=(*measured.why_not, reason)
    )


def _attacked(workspace: Workspace, scorer: JudgeScorer, labels: Sequence[Label], *, resume: str) -> AttackResult:
    rubric = scorer.judge.rubric
    bad = known_bad(rubric, labels)[:MOST_BAD]
    if not bad:
        raise UsageError(
            "no label says that its answer fails", tip="--attack disguises answers that are known to be bad"
        )
    tries = attacks(rubric, bad)
    everything = [label for some in tries.values() for label in some]
    heard = _all_heard(hear(workspace, scorer, everything, purpose="attack", resume=resume), everything)
    return AttackResult(
        by_way={
            way: Rate.of(believed(rubric, label, heard.observations[label.id]) for label in some)
            for way, some in tries.items()
        },
        calls=heard.run.calls.made,
    )


def known_bad(rubric: Rubric, labels: Sequence[Label]) -> list[Label]:
    """Answers that people failed; of pairs, all with a preference: the worse one is known."""
    if rubric.pairwise:
        return [label for label in labels if human_verdict(rubric, label) is not None]
    return [label for label in labels if human_verdict(rubric, label) is False]


def believed(rubric: Rubric, label: Label, seen: Sequence[Observation]) -> bool:
    """Whether a judge passes a bad answer, or prefers the worse one of a pair in either order."""
    if not rubric.pairwise:
        return any(one.passed is True for one in seen)
    worse = "A" if human_verdict(rubric, label) else "B"
    sides = {one.side for one in seen}
    return sides == {worse}


def _kept(
    workspace: Workspace, scorer: JudgeScorer, measured: Calibration, tried: AttackResult | None, heard: Heard
) -> Calibrated:
    rubric = scorer.judge.rubric
    path = record_path(rubric_folder(workspace.root, Path(rubric.path)), rubric.id)
    before = read_entries(path).get(scorer.judge.digest)
    attack: Mapping[str, Any] = before.attack if before is not None and tried is None else EMPTY
    entry = Entry(
        judge=scorer.judge.digest,
        rubric=rubric.digest,
        model=rubric.judge.model,
        reported=tuple(sorted(scorer.judge.reported())) or (before.reported if before is not None else ()),
        created=now(),
        measured=freeze(measured.to_json()),
        attack=freeze(tried.to_json()) if tried is not None else attack,
    )
    write_entry(path, rubric.id, entry)
    calls = heard.run.calls.made + (tried.calls if tried is not None else 0)
    return Calibrated(
        rubric=rubric,
        judge=entry.judge,
        calibration=measured,
        attack=tried,
        reported=entry.reported,
        path=shown(path),
        calls=calls,
        cost_usd=workspace.spent_usd,
        why_not=entry.why_not,
        notes=_notes(measured, entry),
    )


def _notes(measured: Calibration, entry: Entry) -> tuple[str, ...]:
    notes = []
    if measured.labels["generated"]:
        notes.append(f"{measured.labels['generated']} generated labels are in the rates, and not in the right to block")
    if not entry.attack:
        notes.append(f"attacks were not tried: --attack does (above {BOUND:.0%} passes the judge may not block)")
    return tuple(notes)
