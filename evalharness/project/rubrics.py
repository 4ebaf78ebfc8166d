"""The rubrics of a project, for ``lint``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalharness.core.protocols import ScorerSpec
from evalharness.core.results import Failure, Output

if TYPE_CHECKING:
    from evalharness.config.model import Config
    from evalharness.core.endpoints import Address
    from evalharness.evalset.findings import Finding


def rubric_findings(config: Config, spec: ScorerSpec) -> Iterator[Finding]:
    """What is wrong with a judge's table and rubric, and what is doubtful about it.

    Args:
        config: The project.
        spec: A scorer whose word is ``judge``.

    Raises:
        Refused: If the table or the rubric is wrong; nothing more can be said then.
    """
    from evalharness.evalset.findings import Finding
    from evalharness.judging.build import Endpoints, build_judge
    from evalharness.judging.lint import doubts

    endpoints = Endpoints(connect=_no_client, prices=config.prices, env={})
    scorer = build_judge(spec, root=config.root, endpoints=endpoints)
    for doubt in doubts(scorer.judge.rubric):
        yield replace(Finding.of(doubt, file=config.path), warning=doubt.code == "floating_model")


class _NoClient:
    """Nothing is called by a check of files."""

    async def chat(self, body: Mapping[str, Any], *, timeout_s: float) -> Output | Failure:
        """Never called."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to give back."""


def _no_client(place: Address, **_: Any) -> _NoClient:
    del place
    return _NoClient()
