"""Which keys each table of the config may hold, and what their values may be.

The dataclasses in ``model.py`` hold the defaults and the descriptions; a test keeps their fields and these keys equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evalharness.config.rules import FLAG, TABLE, TEXT, TEXTS, Choice, Either, ListOf, Number, Rule

CONFIG_VERSION: Final = 1

MONEY: Final = Number(low=0)
SHARE: Final = Number(low=0, high=1)
ALPHA: Final = Number(above=0, below=0.5)
COUNT: Final = Number(whole=True, low=1, high=1000)
BLOCK_OR_PASS: Final = Choice(words=("block", "pass"))

TOP_KEYS: Final = ("version", "defaults", "evalsets", "candidates", "scorers", "gates", "prices", "rates")

DEFAULTS: Final[Mapping[str, Rule]] = {
    "seed": Number(whole=True, low=0),
    "max_cost": MONEY,
    "jobs": COUNT,
    "timeout": Number(above=0, high=86400),
}

EVALSET: Final[Mapping[str, Rule]] = {"path": TEXT, "corpus": TEXT, "slices": TEXTS}

SCORER: Final[Mapping[str, Rule]] = {
    "use": TEXT,
    "threshold": Number(),
    "weight": Number(above=0),
    "not": FLAG,
    "metric": TEXT,
}
"""What any scorer table may hold; everything else belongs to the scorer word and is checked when it is built."""

LIMIT: Final[Mapping[str, Rule]] = {
    "margin": Number(low=0),
    "cap": Number(above=0),
    "on": Choice(words=("value", "passed")),
    "role": Choice(words=("guard", "improve", "report")),
    "every": Choice(words=(False, True, "absolute")),
    "attempts": Number(whole=True, low=1, high=10),
}

GATE: Final[Mapping[str, Rule]] = {
    "candidate": TEXT,
    "evalset": TEXT,
    "limits": TABLE,
    "baseline": TEXT,
    "slices": TABLE,
    "alpha_pass": ALPHA,
    "alpha_block": ALPHA,
    "power": Number(above=0, below=1),
    "tries": Choice(words=("count", "spend")),
    "mode": Choice(words=("normal", "block_only")),
    "proven_drop": Choice(words=("fail", "stop", "inconclusive")),
    "strict": FLAG,
    "split": SHARE,
    "extendable": ListOf(item=Number(whole=True, low=1), least=1),
    "estimand": Choice(words=("population", "eval_set")),
    "epochs": COUNT,
    "order_seed": TEXT,
    "stop": Choice(words=("early", "never")),
    "pinned": TEXT,
    "store_answers": FLAG,
    "inconclusive": BLOCK_OR_PASS,
    "incomplete": BLOCK_OR_PASS,
    "max_missing": SHARE,
    "max_changed": SHARE,
    "max_cost": MONEY,
}

PRICE: Final[Mapping[str, Rule]] = {"input": MONEY, "output": MONEY}

RATE: Final[Mapping[str, Rule]] = {"rpm": Number(above=0), "tpm": Number(above=0)}

LIMIT_OR_MARGIN: Final = Either(rules=(TABLE, Number(low=0)))

BUILT_IN_SCORERS: Final = ("latency", "cost", "finish_reason", "checks")
"""Names that limits may use without a line under ``[scorers]``."""

UNBOUNDED: Final = ("latency", "cost", "ter")
"""Scorer words whose values are not on 0..1: as guards they need a cap."""

REPORT_ONLY: Final = ("ece",)
"""Scorer words that are biased on small sets in a way that depends on the answers: shown, never judged."""
