"""The fixture ``evalh``: gates inside a test, over a candidate of the config or a function of the project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.verdicts import Verdict
from evalharness.testing.batch import Home
from evalharness.testing.judging import Judgement, Wanted, judge
from evalharness.testing.sitting import sitting_of


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedVerdict(Verdict):
    """A verdict in a test: true when the gate passes."""

    table: str = ""
    """What ``evalh gate`` prints."""

    def require(self) -> None:
        """Fail the test with the whole table, unless the gate passes."""
        __tracebackhide__ = True
        if self.exit_code != 0:
            pytest.fail(self.table, pytrace=False)

    def __repr__(self) -> str:
        """The verdict in one line: pytest cuts what a plain ``assert`` shows."""
        return "; ".join(f"<{gate.gate}: {gate.outcome}: {gate.reason}>" for gate in self.gates) or f"<{self.outcome}>"


class EvalhFixture:
    """What a test gets as ``evalh``.

    Args:
        request: The test.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._node = request.node
        self._sitting = sitting_of(request.config)

    async def gate(
        self,
        candidate: str | Callable[..., Any],
        *,
        evalset: str | None = None,
        baseline: str | None = None,
        limits: Mapping[str, float | Mapping[str, Any]] | None = None,
    ) -> JudgedVerdict:
        """Judge in a thread while the event loop goes on (asyncio; pytest-asyncio or anyio).

        Args:
            candidate: A gate's name (with nothing else), or a candidate's name or a function: ``case -> answer``, or
                ``(query, k) -> documents``.
            evalset: Eval set of the config, with ``limits``.
            baseline: A RUN word; with ``limits`` a candidate's name or an answers file.
            limits: Scorer name -> margin or limit table.

        Returns:
            The verdict. Without ``--evalh-live`` the test is skipped where answers are missing (in CI: incomplete).
        """
        import asyncio

        wanted = Wanted(candidate=candidate, evalset=evalset, baseline=baseline, limits=limits)
        return self._handed(await asyncio.to_thread(self._judge, wanted))

    def run_gate(
        self,
        candidate: str | Callable[..., Any],
        *,
        evalset: str | None = None,
        baseline: str | None = None,
        limits: Mapping[str, float | Mapping[str, Any]] | None = None,
    ) -> JudgedVerdict:
        """As :meth:`gate`, in a test that is not async."""
        return self._handed(self._judge(Wanted(candidate=candidate, evalset=evalset, baseline=baseline, limits=limits)))

    def _judge(self, wanted: Wanted) -> Judgement:
        workspace = self._sitting.workspace_for(Path(self._node.path).parent)
        home = Home(root=workspace.root, file=Path(workspace.config.path).name)
        return judge(self._sitting, home, wanted)

    def _handed(self, judgement: Judgement) -> JudgedVerdict:
        if judgement.run:
            self._node.user_properties.append(("evalh_run", judgement.run))
        if judgement.skip:
            pytest.skip(judgement.skip)
        plain = {field.name: getattr(judgement.verdict, field.name) for field in fields(judgement.verdict)}
        return JudgedVerdict(**plain, table=judgement.text())
