"""One test a case: what the marker ``evalh(evalset, candidate=...)`` makes of a test function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalharness.core.cases import EvalSet
from evalharness.core.errors import EvalhError, UsageError
from evalharness.project.asking import CandidateWord, check_candidate, only_candidate
from evalharness.project.words import evalset_of_word
from evalharness.testing.batch import Batch, Home, Place
from evalharness.testing.sitting import Sitting, sitting_of


def place_cases(metafunc: pytest.Metafunc, marker: pytest.Mark) -> None:
    """Give a marked test one parameter a case; the ids are the case ids.

    Raises:
        pytest.Collector.CollectError: If the marker, the config or the eval set is wrong; one clean message.
    """
    try:
        batch, evalset = _batch(sitting_of(metafunc.config), Path(metafunc.definition.path), *_words(marker))
    except EvalhError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    places = [Place(batch=batch, case=case) for case in evalset.living]
    metafunc.parametrize("trial", places, ids=[case.id for case in evalset.living], indirect=True)


def _words(marker: pytest.Mark) -> tuple[str, CandidateWord | None]:
    try:
        evalset, candidate = _marked(*marker.args, **marker.kwargs)
    except TypeError:
        raise UsageError(
            f"the marker cannot be read: {marker.args} {marker.kwargs}",
            tip='@pytest.mark.evalh("EVALSET", candidate="NAME")',
        ) from None
    if not isinstance(evalset, str) or not (candidate is None or isinstance(candidate, str) or callable(candidate)):
        raise UsageError(
            "the marker wants the name of an eval set, and as candidate a name, a file or a function",
            tip='@pytest.mark.evalh("EVALSET", candidate="NAME")',
        )
    return evalset, candidate


def _marked(evalset: Any, candidate: Any = None) -> tuple[Any, Any]:
    return evalset, candidate


def _batch(sitting: Sitting, path: Path, evalset: str, candidate: CandidateWord | None) -> tuple[Batch, EvalSet]:
    workspace = sitting.workspace_for(path.parent)
    cases = evalset_of_word(workspace, evalset)
    word = only_candidate(workspace, evalset) if candidate is None else candidate
    home = Home(root=workspace.root, file=Path(workspace.config.path).name)
    if isinstance(word, str):
        check_candidate(workspace, word)
        return sitting.expect(Batch(home=home, evalset=evalset, candidate=word), cases), cases
    name = f"{getattr(word, '__module__', '')}:{getattr(word, '__qualname__', type(word).__qualname__)}"
    return sitting.expect(Batch(home=home, evalset=evalset, candidate=name, function=word), cases), cases
