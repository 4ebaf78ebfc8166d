"""``compare --logs OLD NEW --key FIELD``: shadow traffic, two logs of production paired by a field, under the gate's rule.

A key that is in both logs once, with the same question, is a pair. Everything else is counted and said: keys of one
log alone, keys that come twice, rows without the key, questions that differ. Answers of the new system that are missing
are how crashes hide, so more than ``max_changed`` of them turns a PASS into INCOMPLETE; a regression is one all the same.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from evalharness.config.model import GateConfig
from evalharness.core.cases import ID_PATTERN, Case, EvalSet
from evalharness.core.errors import BaselineError, EvalSetError, UsageError
from evalharness.core.files import shown
from evalharness.core.results import Blame, Failure, Output
from evalharness.core.specs import canonical_json, digest
from evalharness.core.verdicts import Comparison
from evalharness.evalset.fields import check_case
from evalharness.evalset.lines import FieldError
from evalharness.moving.calls import Call, Log
from evalharness.moving.documents import read_source
from evalharness.moving.from_logs import redacted
from evalharness.moving.redaction import Redactor
from evalharness.moving.registry import LOGS, kind_of_log, read_log
from evalharness.project.arms import run_whole
from evalharness.project.comparing import DEFAULT_MARGIN, Sides, bare_gate, close_gate, limit_of, scorer_of_text
from evalharness.project.drifting import Drift, drift_between, seen_of, seen_outputs
from evalharness.project.execution import Stopwatch
from evalharness.project.gating import together, with_facts
from evalharness.project.judging import judge_candidate
from evalharness.project.running import fits
from evalharness.project.workspace import Workspace

NAME: Final = "logs"
DEFAULT_SCORER: Final = "refusal:not=true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How the rows of two logs met."""

    rows_old: int = 0
    """Calls of a model in the old log."""
    rows_new: int = 0
    pairs: int = 0
    only_old: int = 0
    """Keys whose partner is missing in the new log."""
    only_new: int = 0
    edited: int = 0
    """Keys whose questions differ."""
    repeated: int = 0
    """Keys that come more than once in a log: which rows belong together cannot be told."""
    without_key_old: int = 0
    """Rows without the field, or without a question."""
    without_key_new: int = 0

    @property
    def missing_share(self) -> float:
        """Keys of the old log without a partner that answers the same question, as a share of its distinct keys."""
        known = self.pairs + self.only_old + self.edited
        return (self.only_old + self.edited) / known if known else 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON object of all counts."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def lines(self) -> list[str]:
        """What a person reads."""
        text = f"{self.pairs} pairs from {self.rows_old} and {self.rows_new} calls"
        parts = (
            (self.only_old, "keys in the old log alone"),
            (self.only_new, "keys in the new log alone"),
            (self.edited, "keys whose questions differ"),
            (self.repeated, "keys that come more than once"),
            (self.without_key_old + self.without_key_new, "calls without the key or without a question"),
        )
        return [f"{text}; not paired: " + (", ".join(f"{n} {what}" for n, what in parts if n) or "none")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """Two logs, paired."""

    cases: tuple[Case, ...]
    old: Mapping[tuple[str, int, int], Output | Failure]
    """Answers of the pairs, as a recording has them."""
    new: Mapping[tuple[str, int, int], Output | Failure]
    all_old: tuple[Output | Failure, ...]
    """Answers of all calls, paired or not: for drift."""
    all_new: tuple[Output | Failure, ...]
    counts: Counts
    redacted: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogComparison:
    """What ``compare --logs`` found."""

    comparison: Comparison
    counts: Counts
    drift: Drift
    redacted: Mapping[str, int]


def open_log(word: str) -> Log:
    """A log by its file, or by ``KIND:FILE`` where its form cannot be seen.

    Raises:
        UsageError: If its form cannot be told.
        EvalSetError: If it is wrong, or a second count of its rows differs.
    """
    kind, path = _path(word)
    if not path.is_file():
        raise UsageError(f"no file {str(path)!r}", where="--logs", tip="--logs OLD NEW, each FILE or KIND:FILE")
    log = read_log(kind or kind_of_log(path), path)
    if log.rows != log.counted:
        raise EvalSetError(
            f"{log.rows} records were read, but {log.counted_by} gives {log.counted}: nothing was compared",
            where=shown(path),
            tip="the file is cut off, or has a form that this version does not know",
        )
    return log


def _path(word: str) -> tuple[str, Path]:
    """``KIND:FILE`` or ``FILE``: its kind, or nothing, and its path."""
    kind, colon, rest = word.partition(":")
    return (kind, Path(rest)) if colon and kind in LOGS else ("", Path(word))


def pair_logs(old: Log, new: Log, *, key: str, redactor: Redactor) -> Shadow:
    """Pair the calls of two logs.

    Args:
        old: Log of the baseline.
        new: Log of the candidate.
        key: Field that pairs them; dots lead into objects.
        redactor: Applied to everything before it is kept or compared.

    Raises:
        BaselineError: If nothing is paired.
    """
    calls_old = [redacted(call, redactor) for call in old.calls]
    calls_new = [redacted(call, redactor) for call in new.calls]
    by_old, twice_old, without_old = _by_key(calls_old, key)
    by_new, twice_new, without_new = _by_key(calls_new, key)
    twice = twice_old | twice_new
    shared = [word for word in by_old if word in by_new and word not in twice]
    pairs = [word for word in shared if digest(by_old[word].input) == digest(by_new[word].input)]
    counts = Counts(
        rows_old=len(old.calls),
        rows_new=len(new.calls),
        pairs=len(pairs),
        only_old=len([word for word in by_old if word not in by_new and word not in twice]),
        only_new=len([word for word in by_new if word not in by_old and word not in twice]),
        edited=len(shared) - len(pairs),
        repeated=len(twice),
        without_key_old=without_old,
        without_key_new=without_new,
    )
    if not pairs:
        raise BaselineError(f"nothing is paired: {counts.lines()[0]}", where=f"--key {key}", tip=_tip(counts, old, key))
    ids = {word: _case_id(word, redactor) for word in pairs}
    return Shadow(
        cases=tuple(_case(ids[word], by_old[word]) for word in pairs),
        old={(ids[word], 0, 0): _answer(by_old[word]) for word in pairs},
        new={(ids[word], 0, 0): _answer(by_new[word]) for word in pairs},
        all_old=tuple(map(_answer, calls_old)),
        all_new=tuple(map(_answer, calls_new)),
        counts=counts,
        redacted=dict(redactor.found),
    )


def compare_logs(workspace: Workspace, wanted: Sides, *, key: str) -> LogComparison:
    """Compare two logs: the verdict on the pairs, and the drift of all answers.

    Args:
        workspace: The opened project, or one without a config.
        wanted: Logs in ``a`` and ``b``; scorers and margin as for two files.
        key: Field that pairs them.

    Raises:
        UsageError: If a log or a scorer cannot be read.
        EvalSetError: If a log is wrong.
        BaselineError: If nothing is paired.
    """
    from evalharness.candidates.recorded import Recorded

    watch = Stopwatch()
    assert wanted.b is not None
    logs = open_log(wanted.a), open_log(wanted.b)
    shadow = pair_logs(*logs, key=key, redactor=Redactor(_placeholder_key(wanted.a, wanted.b)))
    evalset = EvalSet(name=NAME, cases=shadow.cases, path=wanted.a)
    rule, scorers, said = _rule(workspace, wanted, evalset)
    old = Recorded("old log", shadow.old, source=Path(wanted.a).name)
    candidate = Recorded("new log", shadow.new, source=Path(wanted.b).name)
    arm = run_whole(workspace, old, evalset, scorers)
    judged = judge_candidate(workspace, rule, evalset, scorers, candidate, arm)
    notes = (*shadow.counts.lines(), *said)
    judged = with_facts(judged, evalset, candidate.name, candidate.digest, seconds=watch.seconds, notes=notes)
    judged = _with_counts(judged, shadow.counts, rule)
    drift = drift_between(
        seen_outputs(shadow.all_old),
        seen_outputs(shadow.all_new),
        scored=(seen_of(judged.baseline), seen_of(judged.candidate)),
    )
    return LogComparison(
        comparison=replace(judged, verdict=together([judged.gate])),
        counts=shadow.counts,
        drift=drift,
        redacted=shadow.redacted,
    )


def _placeholder_key(*words: str) -> bytes:
    """The key of the placeholders: both logs themselves.

    The same two logs give the same cases, the same order and the same verdict on every machine, and who has a report
    but not the logs still cannot try out whose address a placeholder stands for.
    """
    sha = hashlib.sha256(b"evalh placeholders\0")
    for word in words:
        sha.update(read_source(_path(word)[1]))
    return sha.digest()


def _rule(workspace: Workspace, wanted: Sides, evalset: EvalSet) -> tuple[GateConfig, dict[str, Any], tuple[str, ...]]:
    """The limits in force: those of the project's gate that fit a log, else a margin on what was named."""
    gate = close_gate(workspace, replace(wanted, a="", b=None))
    if gate is not None and wanted.margin is None:
        built = workspace.gate_scorers(gate)
        limits = tuple(limit for limit in gate.limits if fits(built[limit.scorer], evalset))
        if any(limit.role != "report" or limit.every for limit in limits):
            scorers = {limit.scorer: built[limit.scorer] for limit in limits}
            left_out = ", ".join(limit.scorer for limit in gate.limits if limit not in limits)
            said = f"limits of gate {gate.name}" + (f"; not applicable to logs: {left_out}" if left_out else "")
            return replace(gate, limits=limits, slices={}, stop="never", epochs=1), scorers, (said,)
    words = wanted.scorers or (DEFAULT_SCORER,)
    scorers = {word: scorer_of_text(workspace, word) for word in words}
    for word, scorer in scorers.items():
        if not fits(scorer, evalset):
            needs = ", ".join(sorted(scorer.needs))
            raise UsageError(
                f"--scorer {word}: it needs {needs}, and a log has none", tip="refusal:not=true, latency, .."
            )
    margin = DEFAULT_MARGIN if wanted.margin is None else wanted.margin
    unsaid = "" if wanted.margin is not None else f"margin {DEFAULT_MARGIN:g} on every scorer, because none was given"
    limits = tuple(limit_of(scorer, margin) for scorer in scorers.values())
    return replace(bare_gate(evalset, limits), stop="never"), scorers, (unsaid,) if unsaid else ()


def _with_counts(judged: Comparison, counts: Counts, rule: GateConfig) -> Comparison:
    gate = judged.gate
    pairs = replace(gate.pairs, edited=counts.edited, added=counts.only_new, removed=counts.only_old)
    gate = replace(gate, pairs=pairs)
    if gate.outcome == "pass" and counts.missing_share > rule.max_changed + 1e-9:
        reason = (
            f"{counts.only_old + counts.edited} keys of the old log have no partner in the new one "
            f"({counts.missing_share:.1%}, allowed {rule.max_changed:.1%}): lost answers could hide a regression"
        )
        gate = replace(gate, outcome="incomplete", reason=reason)
    return replace(judged, gate=gate)


def _by_key(calls: list[Call], key: str) -> tuple[dict[str, Call], set[str], int]:
    """Key -> call, keys that come more than once, and how many calls have no key or no question."""
    usable = [(word, call) for call in calls if (word := call.key(key)) is not None and call.input is not None]
    times = Counter(word for word, _ in usable)
    return dict(usable), {word for word, count in times.items() if count > 1}, len(calls) - len(usable)


def _case_id(word: str, redactor: Redactor) -> str:
    """The key itself where it can be an id and holds nothing personal, else a name that stands for it."""
    return word if ID_PATTERN.fullmatch(word) and redactor.text(word) == word else redactor.name("k", word)


def _case(case_id: str, call: Call) -> Case:
    data = {"id": case_id, "input": call.input}
    try:
        check_case(data)
    except FieldError as error:
        raise EvalSetError(error.problem, where=f"{call.place}: {error.field}", tip=error.tip) from None
    return Case.from_json(data)


def _answer(call: Call) -> Output | Failure:
    line = call.answer("x")
    if "error" in line:
        # What a system in production failed at is data; what the log does not hold is missing.
        blame: Blame = "candidate" if call.error is not None else "infrastructure"
        return Failure(stage="candidate", kind="recorded_error", message=str(line["error"]), blame=blame)
    line.pop("id")
    text = line.pop("output", None)
    return Output(text=text if isinstance(text, str) or text is None else canonical_json(text), **line)


def _tip(counts: Counts, log: Log, key: str) -> str:
    if counts.edited:
        return "the questions differ: a template around the user's words differs between the systems; log the bare question"
    if counts.without_key_old or counts.without_key_new:
        names = sorted({name for call in log.calls[:50] for name in call.fields})
        from evalharness.core.nearest import name_tip

        return name_tip(key, names[:40], title="fields")
    return "the logs share no key: are they of the same traffic?"
