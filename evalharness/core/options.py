"""What a person can ask of one command, apart from the config: the flags of ``run``, ``gate`` and ``compare``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalharness.core.protocols import ProgressSink
from evalharness.core.specs import EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Flags and environment after merging; None means "as the config says"."""

    case: str | None = None
    """``-k EXPR``: substring of the id, or words with and/or/not as in pytest."""
    tag: str | None = None
    limit: int | None = None
    """Ask only the first so many cases."""
    max_cost: float | None = None
    """US dollars for the whole command."""
    jobs: int | None = None
    fresh: bool = False
    """Ignore recorded answers."""
    answers: str | None = None
    """RUN or file whose answers are used instead of asking."""
    epochs: int | None = None
    offline: bool = False
    """Never call anything; answers must be recorded."""
    dry_run: bool = False
    yes: bool = False
    """``-y``: do not ask about money."""
    interactive: bool = False
    """True when a person at a terminal can be asked."""
    untrusted: bool = False
    """Data only: no python, command, http, plug-ins or keys."""
    key_hosts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    """Key variable -> hosts that may receive its value, beside the provider's own and loopback."""
    judges: bool = False
    """``run --judges``: apply judge scorers too."""
    progress: ProgressSink | None = None

    @property
    def partial(self) -> bool:
        """True when only some cases are selected: scores, but no verdict."""
        return self.case is not None or self.tag is not None or self.limit is not None
