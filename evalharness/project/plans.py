"""Computed plans that are kept in the store: a cache, so nothing waits for it and nothing depends on it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalharness import __version__
from evalharness.core.errors import ConfigError, DiskFailed, StoreError
from evalharness.core.specs import canonical_json, digest
from evalharness.project.workspace import Workspace
from evalharness.stats.laws import Law
from evalharness.stats.rule import Method, Rule
from evalharness.verdict.chart import Chart, chart, computed

if TYPE_CHECKING:
    from evalharness.stats.exact import ExactPlan
    from evalharness.store.store import Store


class KeptPlans:
    """Exact plans and charts of one project: looked up in the store, else computed and kept there.

    Looking needs no lock and works on a folder that cannot be written. What was computed is written at the end
    (``keep``), if that needs no waiting; a project without a store gets none.

    Args:
        workspace: The opened project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._new: dict[str, bytes] = {}
        self._known: dict[str, Any] = {}

    def plan(self, rule: Rule) -> ExactPlan:
        """The exact plan of a rule."""
        from evalharness.stats.exact import plan_from_json
        from evalharness.stats.exact_question import shipped

        alphas = (("pass", rule.alpha_pass), ("fail", rule.alpha_block), ("drop", rule.alpha_block))
        if not rule.looks and all(shipped(question, rule.planned, rule.margin, alpha) for question, alpha in alphas):
            return computed(rule)
        looks = "+".join(map(str, (*rule.looks, rule.planned)))
        name = f"exact/{looks}/{rule.margin!r}/{rule.alpha_pass!r}/{rule.alpha_block!r}/{__version__}"

        def read(data: Any) -> ExactPlan:
            plan = plan_from_json(dict(data))
            sizes = tuple(step.planned for step in (*plan.earlier, plan))
            if (sizes, plan.margin) != ((*rule.looks, rule.planned), rule.margin):
                raise ValueError("kept under the name of another plan")
            return plan

        found: ExactPlan = self._get(name, read, lambda: computed(rule))
        return found

    def chart(self, rule: Rule, method: Method, *, binary: bool, power: float, size: float, seen: Law | None) -> Chart:
        """The chart of a guard; see ``verdict.chart.chart``."""
        facts = {"rule": asdict(rule), "method": method, "binary": binary, "power": power, "size": size}
        law = None if seen is None else asdict(seen)
        name = f"chart/{digest({**facts, 'law': law, 'version': __version__})}"
        found: Chart = self._get(
            name,
            Chart.from_json,
            lambda: chart(rule, method, binary=binary, power=power, size=size, seen=seen, plans=self.plan),
        )
        return found

    def keep(self) -> None:
        """Write what was computed into the store, unless somebody else is at work there or it cannot be written."""
        workspace = self._workspace
        if not self._new or not workspace.use_store or not workspace.state.is_dir():
            return
        from evalharness.store.store import open_store

        try:
            if workspace.opened is not None:
                self._put(workspace.opened)
            else:
                with open_store(workspace.state, wait_s=0) as store:
                    self._put(store)
        except (ConfigError, DiskFailed, StoreError):
            return  # a cache that cannot be written costs time the next time, and nothing else
        self._new = {}

    def _put(self, store: Store) -> None:
        for name, data in self._new.items():
            store.cache_put(name, data)

    def _get(self, name: str, read: Callable[[Any], Any], compute: Callable[[], Any]) -> Any:
        if name not in self._known:
            kept = self._workspace.reader().cache_get(name) if self._workspace.use_store else None
            found = None
            if kept is not None:
                with contextlib.suppress(ValueError, KeyError, TypeError):  # not ours to read: computed again
                    found = read(json.loads(kept))
            if found is None:
                found = compute()
                self._new[name] = canonical_json(found.to_json()).encode("utf-8")
            self._known[name] = found
        return self._known[name]
