"""One pytest session as evalharness sees it: its options, its batches, and the one way to an open project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from evalharness.api import open_for_compare
from evalharness.core.cases import EvalSet
from evalharness.core.errors import EvalhError, Interrupted, UsageError
from evalharness.core.options import RunOptions
from evalharness.core.verdicts import Comparison
from evalharness.project.arms import arm_of_run
from evalharness.project.asking import CandidateWord, ask, question
from evalharness.project.environment import from_fork, in_ci, switch
from evalharness.project.untrusted import open_project
from evalharness.project.workspace import Workspace, without_config
from evalharness.testing.batch import Answered, Batch, Home, Place, Plan
from evalharness.testing.exchange import Exchange
from evalharness.verdict.baseline import read_baseline, write_baseline

NAME: Final = "evalh-sitting"
FAULT: Final[pytest.StashKey[str]] = pytest.StashKey()
"""Why a test fails before its body, left on the test by the fixture ``trial``; empty when it does not."""


def sitting_of(config: pytest.Config, folder: str | None = None) -> Sitting:
    """The state of this process's session, made on first use.

    Args:
        config: The session's config.
        folder: Folder shared with the workers, on the controller of pytest-xdist; a worker is told its own.

    Raises:
        UsageError: If a variable of ours cannot be read.
    """
    found: Sitting | None = config.pluginmanager.get_plugin(NAME)
    if found is None:
        worker: dict[str, Any] = getattr(config, "workerinput", {})
        found = Sitting(config, worker.get("evalh_folder", folder))
        config.pluginmanager.register(found, NAME)
    return found


class Sitting:
    """State of one process of a session; a plugin itself, so that its hooks cost nothing while unused.

    Args:
        config: The session's config.
        folder: Folder shared with the other processes under pytest-xdist.
    """

    def __init__(self, config: pytest.Config, folder: str | None) -> None:
        self.config = config
        self.exchange = Exchange(folder)
        self.options = _options(config)
        self.ci = in_ci(os.environ)
        self.comparisons: list[Comparison] = []
        """What this process judged, for ``--evalh-report``."""
        self._projects: dict[Path, Workspace] = {}
        self._plans: dict[Batch, Plan] = {}
        self._evalsets: dict[Batch, EvalSet] = {}
        self._answered: dict[Batch, Answered] = {}

    @property
    def live(self) -> bool:
        """True when candidates may be asked: only then can anything be spent."""
        return not self.options.offline

    # --- projects ---------------------------------------------------------------------------------------------------

    def workspace_for(self, folder: Path) -> Workspace:
        """The project that governs a folder of tests, for reading: the nearest config upwards, else none.

        Raises:
            ConfigError: If its config is wrong.
        """
        if folder not in self._projects:
            start = self.config.invocation_params.dir if os.environ.get("EVALH_CONFIG") else folder
            found: Workspace = open_for_compare(start, None, self.options)
            self._projects[folder] = found if found.config.path else without_config(self.config.rootpath, self.options)
        return self._projects[folder]

    @contextmanager
    def project(self, home: Home) -> Iterator[Workspace]:
        """A project opened for answering, by one process and thread at a time; the money of the session goes on.

        Raises:
            EvalhError: As opening and closing it.
        """
        with self.exchange.alone(), self._opened(home) as workspace:
            yield workspace

    @contextmanager
    def _opened(self, home: Home) -> Iterator[Workspace]:
        if home.file:
            opened = open_project(home.root, config=home.file, options=self.options)
        else:
            opened = without_config(home.root, self.options)
        with opened as workspace:
            workspace.spent_usd = self.exchange.read("spent") or 0.0
            try:
                yield workspace
            finally:
                self.exchange.write("spent", workspace.spent_usd)

    # --- plans ------------------------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which cases are left, now that everybody has deselected."""
        cases: dict[Batch, dict[str, None]] = {}
        for item in session.items:
            place = getattr(item, "callspec", None) and item.callspec.params.get("trial")  # type: ignore[attr-defined]
            if isinstance(place, Place):
                cases.setdefault(place.batch, {})[place.case.id] = None
        for batch, ids in cases.items():
            self._plans[batch] = replace(self._plans[batch], selected=tuple(ids))
        self._plans = {batch: self._plans[batch] for batch in cases}
        if self.exchange.folder is not None and self.exchange.read("plans") is None:
            self.exchange.write("plans", [plan.to_json() for plan in self._plans.values()])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Fail a test whose candidate failed: in the test's own phase, before its body."""
        fault = item.stash.get(FAULT, "")
        if fault:
            pytest.fail(fault, pytrace=False)

    def expect(self, batch: Batch, evalset: EvalSet) -> Batch:
        """Note a batch at collection; an equal one that is known already is the same.

        Raises:
            UsageError: If two functions of the same name are meant: their answers could not be told apart.
        """
        known = self._plans[batch].batch if batch in self._plans else batch
        if known.function is not batch.function:
            raise UsageError(f"two functions are called {batch.candidate!r}", tip="give each its own name")
        if batch not in self._plans:
            self._plans[batch] = Plan(batch=batch, selected=(), total=len(evalset.living))
            self._evalsets[batch] = evalset
        return known

    def plans(self) -> list[Plan]:
        """The session's plans; on the controller of pytest-xdist those of its workers."""
        if self._plans or self.exchange.folder is None:
            return list(self._plans.values())
        return [Plan.from_json(data) for data in self.exchange.read("plans") or ()]

    # --- answers ----------------------------------------------------------------------------------------------------

    def answered(self, batch: Batch) -> Answered:
        """The answers of a batch: of this process, of another one, or asked now, all selected cases side by side."""
        if batch not in self._answered:
            with self.exchange.alone():
                self._answered[batch] = self.shared(batch) or self._share(batch, self._ask(batch))
        return self._answered[batch]

    def shared(self, batch: Batch) -> Answered | None:
        """What a process of the session has been answered already; None when nobody asked."""
        if batch in self._answered or self.exchange.folder is None:
            return self._answered.get(batch)
        state = self.exchange.read(batch.key)
        if state is None:
            return None
        arm = read_baseline(self.exchange.folder / f"{batch.key}.jsonl") if state.pop("arm") else None
        return Answered(**state, arm=arm)

    def _share(self, batch: Batch, found: Answered) -> Answered:
        if self.exchange.folder is not None:
            if found.arm is not None:
                cases = self._evalsets[batch].by_id
                write_baseline(self.exchange.folder / f"{batch.key}.jsonl", found.arm, cases, ())
            state = {"stopped": found.stopped, "stale": found.stale, "error": found.error}
            self.exchange.write(batch.key, {**state, "arm": found.arm is not None})
        return found

    def _ask(self, batch: Batch) -> Answered:
        word: CandidateWord = batch.function or batch.candidate
        try:
            with self._opened(batch.home) as workspace:
                asked = question(workspace, batch.evalset, word)
                if not self.live and not asked.kept:
                    return Answered(stale=True)
                run = ask(workspace, asked, self._plans[batch].selected)
        except Interrupted as error:
            pytest.exit(str(error))
        except EvalhError as error:
            return Answered(error=str(error))
        return Answered(arm=arm_of_run(run, asked.scorers), stopped=run.stopped)


def _options(config: pytest.Config) -> RunOptions:
    """The command-line options of the session as the flags of ``evalh``; the variables count as there."""
    live = bool(config.getoption("evalh_live")) and not switch(os.environ, "EVALH_OFFLINE")
    cost = config.getoption("evalh_max_cost")
    return RunOptions(
        offline=not live,
        fresh=bool(config.getoption("evalh_fresh")),
        jobs=config.getoption("evalh_jobs"),
        max_cost=_money(os.environ.get("EVALH_MAX_COST")) if cost is None else cost,
        untrusted=from_fork(os.environ),
    )


def _money(text: str | None) -> float | None:
    if not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0.0 <= amount < float("inf"):
        raise UsageError(f"expected US dollars, got {text!r}", where="EVALH_MAX_COST")
    return amount
