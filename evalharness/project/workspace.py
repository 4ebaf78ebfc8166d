"""One opened project: its config, its store, and the components that the config names. Built once per command."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from evalharness.clients.prices import ListedPrices
from evalharness.config.keys import BUILT_IN_SCORERS
from evalharness.config.model import Config, EvalSetConfig, GateConfig
from evalharness.core.cases import EvalSet
from evalharness.core.errors import ConfigError, UsageError
from evalharness.core.nearest import name_tip
from evalharness.core.options import RunOptions
from evalharness.core.protocols import Candidate, Executor, Recording, ScorerFacts, ScorerSpec
from evalharness.core.results import Document
from evalharness.core.specs import ComponentSpec
from evalharness.core.text import visible
from evalharness.core.verdicts import Warned

if TYPE_CHECKING:
    from evalharness.clients.limits import Pacing
    from evalharness.judging.build import Endpoints
    from evalharness.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """What the base ref says; ``baseref.enter_base`` reads it."""

    ref: str
    config: Config | None
    """None when the base ref has no config: then every gate is new."""
    files: Path
    """Folder with the base ref's files: those that its config names, and its rubrics."""
    warnings: tuple[Warned, ...] = ()
    """What the pull request changes, and what became of it."""
    removed: tuple[str, ...] = ()
    """Gates that the pull request takes away."""

    def is_new(self, gate: GateConfig) -> bool:
        """True for a gate that the base ref does not have."""
        return self.config is None or gate.name not in self.config.gates


@dataclass(slots=True, kw_only=True)
class Workspace:
    """An opened project. Use it as a context manager: the store's lock is given back at the end."""

    config: Config
    options: RunOptions = field(default_factory=RunOptions)
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    use_store: bool = True
    """False where there is no project to keep anything in (comparing two files)."""
    spent_usd: float = 0.0
    """Spent by this command so far."""
    base_ref: str = ""
    """In CI the ref whose stored baselines count; empty: those of the working tree."""
    trusted: Trusted | None = None
    """In CI the base ref's rules, once they hold."""
    apart: Path | None = None
    """Folder of the store of a run that trusts data only, gone when it ends; None: the project's own store."""
    closing: ExitStack = field(default_factory=ExitStack)
    """What is thrown away at the end."""
    ready: dict[tuple[str, str], Recording] = field(default_factory=dict)
    """(candidate, eval set) -> its answers, where they were given in this session already: it is not asked again."""
    executor: Executor | None = None
    """Where scorers run that take long to compute (``scoring_pool.executor_of`` makes it)."""
    price_table: ListedPrices = field(default_factory=ListedPrices)
    """Prices of models that the config names none for, and where they are from."""
    _store: Store | None = None
    _evalsets: dict[str, EvalSet] = field(default_factory=dict)
    _scorers: dict[str, ScorerFacts] = field(default_factory=dict)
    _pacing: Pacing | None = None

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        store, self._store = self._store, None
        try:
            if store is not None:
                store.__exit__(kind, error, trace)
        finally:
            self.closing.close()

    @property
    def root(self) -> Path:
        """Folder of the config."""
        return self.config.root

    @property
    def rules_root(self) -> Path:
        """Folder of the files that scorers name: the base ref's where data only is trusted."""
        return self.trusted.files if self.trusted is not None and self.options.untrusted else self.root

    @property
    def state(self) -> Path:
        """Folder of the store: EVALH_DIR, else ``.evalh`` beside the config; a run that trusts data only has its own."""
        if self.apart is not None:
            return self.apart
        return self.root / self.env.get("EVALH_DIR", ".evalh")

    def store(self) -> Store | None:
        """The store, opened (and locked) on first use; None where nothing is kept."""
        if not self.use_store:
            return None
        if self._store is None:
            from evalharness.store.store import open_store

            self._store = open_store(self.state, on_wait=_say_waiting)
        return self._store

    @property
    def opened(self) -> Store | None:
        """The store, if this command writes into it already."""
        return self._store

    def reader(self) -> Store:
        """The store for looking only: no lock, nothing is made; empty where nothing was recorded."""
        if self._store is not None:
            return self._store
        from evalharness.store.store import open_store

        return open_store(self.state, read_only=True)

    def pacing(self) -> Pacing:
        """The one retry policy and the rate limits of this command; every call shares them."""
        if self._pacing is None:
            from evalharness.clients.limits import Pacing
            from evalharness.runner.clock import SystemClock

            self._pacing = Pacing(jobs=self.jobs, clock=SystemClock(), rates=self.config.rates)
        return self._pacing

    @property
    def jobs(self) -> int:
        """Calls in flight at most."""
        return self.options.jobs or self.config.defaults.jobs

    def evalset(self, name: str) -> EvalSet:
        """An eval set by its name in the config, with the version that evalh.lock gives it.

        Raises:
            ConfigError: If the name is unknown.
            EvalSetError: If the file is wrong.
        """
        if name not in self._evalsets:
            from evalharness.evalset.jsonl import load_evalset
            from evalharness.evalset.lock import LOCK_NAME, read_lock
            from evalharness.project.basecases import held_by_base

            found = self.config.evalsets.get(name)
            if found is None and name.endswith(".jsonl"):
                found = EvalSetConfig(name=name, path=name, where="--set")
            if found is None:
                raise self.unknown("eval set", name, self.config.evalsets)
            path = self.config.resolve(found.path, where=found.where)
            evalset = load_evalset(path, name=name, slices=found.slices)
            version = read_lock(self.root / LOCK_NAME).version_of(name, evalset.digest)
            self._evalsets[name] = replace(held_by_base(evalset, self.trusted), version=version)
        return self._evalsets[name]

    def corpus(self, evalset: str) -> tuple[Document, ...]:
        """The documents beside an eval set; empty when it has none."""
        found = self.config.evalsets.get(evalset)
        if found is None or found.corpus is None:
            return ()
        from evalharness.evalset.answers import load_corpus

        return load_corpus(self.config.resolve(found.corpus, where=found.where))

    def scorer(self, name: str) -> ScorerFacts:
        """A built scorer by its name in the config, or a built-in one.

        Raises:
            ConfigError: If the name or its table is wrong.
        """
        if name not in self._scorers:
            from evalharness.scorers.registry import build_scorer, by_endpoint, canonical_word, runs_code

            spec = self.config.scorers.get(name)
            if spec is None and name in BUILT_IN_SCORERS:
                spec = ScorerSpec(component=ComponentSpec(name=name, use=name))
            if spec is None:
                raise self.unknown("scorer", name, (*self.config.scorers, *BUILT_IN_SCORERS))
            if self.options.untrusted and runs_code(spec.component.use, spec.component.params):
                raise ConfigError(
                    f"scorer {name!r} runs code, and this run trusts data only",
                    where=spec.component.where,
                    tip="run it from the base branch, or leave the scorer out of the gate",
                )
            if canonical_word(spec.component.use) == "judge":
                from evalharness.judging.build import build_judge

                self._scorers[name] = build_judge(spec, root=self.rules_root, endpoints=self.endpoints())
            elif by_endpoint(spec, self.rules_root):
                from evalharness.judging.similar import build_similar

                self._scorers[name] = build_similar(spec, root=self.rules_root, endpoints=self.endpoints())
            else:
                self._scorers[name] = build_scorer(spec, root=self.rules_root)
        return self._scorers[name]

    def endpoints(self) -> Endpoints:
        """What judges are connected with."""
        from evalharness.clients.openai_chat import connector
        from evalharness.judging.build import Endpoints

        connect = connector(self.options, self.env)
        return Endpoints(connect=connect, prices=self.config.prices, env=self.env, price_table=self.price_table)

    def gate(self, name: str) -> GateConfig:
        """A gate by name.

        Raises:
            ConfigError: If the name is unknown.
        """
        if name not in self.config.gates:
            raise self.unknown("gate", name, self.config.gates)
        return self.config.gates[name]

    def gate_scorers(self, gate: GateConfig) -> dict[str, ScorerFacts]:
        """The built scorers of a gate's limits and guard slices, by name, in the config's order."""
        limits = [*gate.limits, *(limit for limits in gate.slices.values() for limit in limits)]
        return {limit.scorer: self.scorer(limit.scorer) for limit in limits}

    def candidate(self, name: str, evalset: str) -> Candidate | Recording:
        """A built candidate by its name in the config.

        Raises:
            ConfigError: If the name or its table is wrong, or it runs code and this run trusts data only.
        """
        spec = self.config.candidates.get(name)
        if spec is None:
            raise self.unknown("candidate", name, self.config.candidates)
        if (name, evalset) in self.ready:
            return self.ready[name, evalset]
        if self.options.answers is not None:
            from evalharness.project.recorded_words import recording_of_word

            return recording_of_word(self, self.options.answers, name)
        return self.built(spec, evalset)

    def built(self, spec: ComponentSpec, evalset: str, *, config: Config | None = None) -> Candidate | Recording:
        """A candidate made from its table, over the documents beside an eval set of today.

        Args:
            spec: Its table.
            evalset: Name of the eval set.
            config: The config that the table is from, when that is another than today's.
        """
        from evalharness.candidates.registry import build_candidate
        from evalharness.candidates.table import Surroundings
        from evalharness.clients.openai_chat import connector
        from evalharness.evalset.answers import load_answers
        from evalharness.scorers.sandbox import call

        around = Surroundings(
            project=config or self.config,
            options=self.options,
            corpus=lambda: self.corpus(evalset),
            env=self.env,
            connect=connector(self.options, self.env),
            load_answers=load_answers,
            price_table=self.price_table,
            isolate=call if self.options.untrusted else None,
        )
        return build_candidate(spec, around)

    def recording(self, path: Path, name: str) -> Recording:
        """A candidate made of an answers file."""
        from evalharness.candidates.recorded import Recorded
        from evalharness.evalset.answers import load_answers

        return Recorded(name, load_answers(path), source=path.name)

    def money_left(self, gate_cap: float | None = None) -> float | None:
        """US dollars that may still be spent: the tighter of the command's and the gate's cap; None without any."""
        cap = self.options.max_cost if self.options.max_cost is not None else self.config.defaults.max_cost
        left = None if cap is None else max(0.0, cap - self.spent_usd)
        if gate_cap is None:
            return left
        return gate_cap if left is None else min(left, gate_cap)

    @staticmethod
    def unknown(kind: str, name: str, known: Iterable[str]) -> ConfigError:
        """The error for a name that the config does not define."""
        return ConfigError(f"no {kind} named {name!r}", tip=name_tip(name, tuple(known), title=f"defined {kind}s"))


def _say_waiting(sentence: str) -> None:
    import sys

    sys.stderr.write(f"evalh: {visible(sentence)}\n")


def open_workspace(
    directory: Path, *, config: str | None = None, options: RunOptions | None = None, use_store: bool = True
) -> Workspace:
    """Read the config that governs a folder and open the project.

    Args:
        directory: Where the command runs.
        config: Path of a config file, or None for the nearest one upwards.
        options: Flags of the command.
        use_store: False to keep nothing.

    Raises:
        ConfigError: If there is no config or it is wrong.
    """
    from evalharness.config.load import load_config

    return Workspace(config=load_config(directory, config=config), options=options or RunOptions(), use_store=use_store)


def without_config(directory: Path, options: RunOptions) -> Workspace:
    """A workspace for comparing files where there is no project: nothing is defined, nothing is kept."""
    return Workspace(config=Config(path="", root=directory), options=options, use_store=False)


def selected(evalset: EvalSet, options: RunOptions) -> frozenset[str] | None:
    """Ids that ``-k``, ``--tag`` and ``--limit`` leave; None when they ask for everything.

    Raises:
        UsageError: If nothing is left, or ``-k`` is not an expression.
    """
    if not options.partial:
        return None
    from evalharness.project.selection import matcher

    wanted = matcher(options.case) if options.case is not None else None
    kept = [
        case.id
        for case in evalset.living
        if (wanted is None or wanted(case)) and (options.tag is None or options.tag in case.tags)
    ]
    if options.limit is not None:
        kept = kept[: options.limit]
    if not kept:
        raise UsageError("the selection leaves no case", tip="loosen -k, --tag or --limit")
    return frozenset(kept)
