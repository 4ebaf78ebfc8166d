"""The typed config: what ``load.py`` makes of ``evalh.toml`` and every other room reads.

Every default is written here once. Paths are strings relative to ``Config.root``; ``Config.resolve`` makes them safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from evalharness.core.errors import ConfigError
from evalharness.core.protocols import ScorerSpec
from evalharness.core.specs import EMPTY, ComponentSpec

BlockOrPass: TypeAlias = Literal["block", "pass"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """``defaults = { ... }``: what every run starts from; flags and environment win over it."""

    seed: int = 7
    """Run seed; each case and epoch derives its own from it."""
    max_cost: float | None = None
    """US dollars for the whole command; None asks before a paid run."""
    jobs: int = 32
    """Calls in flight at most."""
    timeout: float = 120.0
    """Seconds for one whole call, retries apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalSetConfig:
    """``[evalsets] NAME = { path, corpus, slices }``."""

    name: str
    path: str
    """JSONL file of cases."""
    corpus: str | None = None
    """JSONL file of documents in BEIR form: ``_id``, ``title``, ``text``."""
    slices: tuple[str, ...] = ()
    """Metadata fields that reports slice by."""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitConfig:
    """What a gate asks of one scorer."""

    scorer: str
    """Name of a scorer, or the built-in ``latency``, ``cost``, ``finish_reason``, ``checks``."""
    margin: float | None = None
    """Largest drop that may pass, in the scorer's unit (0..1); None for hard checks and reports."""
    cap: float | None = None
    """Upper bound for latency, cost and TER: the mean of the capped value is tested."""
    on: Literal["value", "passed"] = "value"
    """Test the value, or whether the scorer passed (0 or 1)."""
    role: Literal["guard", "improve", "report"] = "guard"
    """`guard` must not get worse by the margin, `improve` must be proven better by it, `report` is only shown."""
    every: Literal[False, True, "absolute"] = False
    """True: no confirmed flip from the baseline; ``absolute``: every case must pass, no baseline needed."""
    attempts: int = 2
    """Tries that must all fail before a hard check counts as a flip."""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """``[gates.NAME]``: which candidate, against what, on which cases, and what may not get worse."""

    name: str
    candidate: str
    """Name of the candidate that is judged."""
    evalset: str
    """Name of the eval set it answers."""
    limits: tuple[LimitConfig, ...]
    """Scorer -> what may not happen to it."""
    baseline: str | None = None
    """A candidate's name or an answers file; None: the stored baseline ``reports/baselines/NAME.jsonl``."""
    slices: Mapping[str, tuple[LimitConfig, ...]] = field(default_factory=lambda: EMPTY)
    """Declared guard slices: metadata field -> limits that hold in every value of it."""
    alpha_pass: float = 0.05
    """Chance to pass a drop of the margin."""
    alpha_block: float = 0.025
    """Chance to block an unchanged candidate (hard checks apart)."""
    power: float = 0.8
    """Chance of a decision that planning aims at."""
    tries: Literal["count", "spend"] = "count"
    """Tries on one pull request are counted and said, or the k-th spends alpha_pass / (k (k + 1))."""
    mode: Literal["normal", "block_only"] = "normal"
    """`block_only` asks only whether a drop is proven (`margin = 0` is then allowed). Nothing proven is inconclusive, exit code 3; `inconclusive = "pass"` lets that through."""
    proven_drop: Literal["fail", "stop", "inconclusive"] = "fail"
    """What a proven drop means that is not shown to be as large as the margin."""
    strict: bool = False
    """Betting only (split 1): for those who accept no conjecture."""
    split: float | None = None
    """Share of alpha watched after every case; None: .25 up to 300 planned units, else .5."""
    extendable: tuple[int, ...] = ()
    """Numbers of units at which the gate looks before the end; declared beforehand, all looks share alpha."""
    estimand: Literal["population", "eval_set"] = "population"
    """What the verdict is about: cases like these, or exactly these cases."""
    epochs: int = 1
    """Answers per case."""
    order_seed: str | None = None
    """Hand-set order seed; flagged, because trying seeds voids alpha."""
    stop: Literal["early", "never"] = "early"
    """Stop asking when the verdict is certain, or ask every case."""
    pinned: str | None = None
    """Second, pinned baseline (path) that guards must hold against too: it bounds what many merges lose together."""
    store_answers: bool = True
    """False keeps only digests of answers in the baseline: then nothing can be scored again."""
    inconclusive: BlockOrPass = "block"
    """Exit code of an inconclusive verdict: 3, or 0."""
    incomplete: BlockOrPass = "block"
    """Exit code of an incomplete run: 4, or 0."""
    max_missing: float = 0.0
    """Share of paired cases that the infrastructure may lose before a would-be pass is incomplete."""
    max_changed: float = 0.05
    """Share of cases edited or removed since the baseline above which the gate refuses."""
    max_cost: float | None = None
    """US dollars that this gate may cost; the whole command is capped by defaults.max_cost."""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole project."""

    path: str
    """File it was read from, as shown in messages (relative to the working folder when inside it)."""
    root: Path
    """Folder that relative paths start from: where the file lies."""
    version: int = 1
    defaults: Defaults = field(default_factory=Defaults)
    evalsets: Mapping[str, EvalSetConfig] = field(default_factory=lambda: EMPTY)
    candidates: Mapping[str, ComponentSpec] = field(default_factory=lambda: EMPTY)
    """``ComponentSpec.use`` is the kind key (model, python, ...); ``params`` the whole table, the kind key included."""
    scorers: Mapping[str, ScorerSpec] = field(default_factory=lambda: EMPTY)
    gates: Mapping[str, GateConfig] = field(default_factory=lambda: EMPTY)
    prices: Mapping[str, tuple[float, float]] = field(default_factory=lambda: EMPTY)
    """Model name -> (input, output) USD per million tokens."""
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: EMPTY)
    """Host -> {rpm, tpm}."""
    raw: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """The parsed tables, frozen."""

    def resolve(self, name: str, *, where: str) -> Path:
        """The file that a config value names, checked to lie inside the project.

        Args:
            name: Path as written, relative to the config file (absolute paths inside the root are accepted).
            where: ``FILE:LINE: key`` of the value, for the error.

        Raises:
            ConfigError: If it points outside the project or goes through a symbolic link.
        """
        path = self.root / name
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
            path.is_symlink()
        except (OSError, ValueError) as error:  # too long for a name, or a NUL in it
            problem = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(f"{name[:60]!r} cannot be a path: {problem}", where=where) from None
        if not inside:
            raise ConfigError(f"{name!r} lies outside the project", where=where, tip="move the file into the project")
        probe = self.root
        for part in Path(name).parts if not Path(name).is_absolute() else path.relative_to(self.root).parts:
            probe = probe / part
            if probe.is_symlink():
                raise ConfigError(f"{name!r} goes through a symbolic link", where=where, tip="copy the file instead")
        return path
