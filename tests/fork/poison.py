"""A store as a fork can make it at home: right answers under the very keys of the trusted candidate's requests."""

from __future__ import annotations

from pathlib import Path

from evalharness.core.options import RunOptions
from evalharness.core.protocols import Candidate
from evalharness.core.results import Output
from evalharness.project.workspace import open_workspace
from evalharness.store.store import open_store


def store_of_right_answers(root: Path) -> None:
    """Write ``.evalh/store.db`` into a checkout."""
    with open_workspace(root, options=RunOptions()) as workspace, open_store(root / ".evalh") as store:
        workspace.env = {"OPENAI_API_KEY": "x" * 20}
        candidate: Candidate = workspace.candidate("live", "s")  # type: ignore[assignment]
        for case in workspace.evalset("s").cases:
            request = candidate.request(case, epoch=0, attempt=0, run_seed=workspace.config.defaults.seed)
            store.put_answer(request.key, Output(text="yes", finish_reason="stop", cost_usd=0.0), request)
        store.flush()
