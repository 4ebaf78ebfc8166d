"""``pytest evalh.toml::GATE``: each gate of a config is a test. Only where the file itself is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalharness.core.errors import EvalhError
from evalharness.project.workspace import open_workspace
from evalharness.testing.batch import Home
from evalharness.testing.judging import Wanted, judge
from evalharness.testing.sitting import sitting_of


class ConfigFile(pytest.File):
    """An ``evalh.toml`` named on the command line."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item a gate.

        Raises:
            CollectError: If the config is wrong, with its place.
        """
        try:
            sitting_of(self.config)  # a variable of ours that cannot be read is told here
            config = open_workspace(self.path.parent, config=self.path.name).config
        except EvalhError as error:
            raise self.CollectError(str(error)) from None
        for name in config.gates:
            yield GateItem.from_parent(self, name=name)


class GateItem(pytest.Item):
    """A gate as a test: passes when ``evalh gate NAME`` would exit with 0."""

    def runtest(self) -> None:
        """Judge it: from recorded answers, or live under ``--evalh-live``."""
        if self.config.getoption("evalh_no_gate"):
            pytest.skip("--evalh-no-gate")
        word = self.config.getoption("evalh_baseline")
        home = Home(root=self.path.parent, file=self.path.name)
        judgement = judge(sitting_of(self.config), home, Wanted(candidate=self.name, baseline=word))
        if judgement.run:
            self.user_properties.append(("evalh_run", judgement.run))
        if judgement.skip:
            pytest.skip(judgement.skip)
        if not judgement.verdict:
            pytest.fail(judgement.text(), pytrace=False)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where it stands, for reports."""
        return Path(self.path), None, f"gate {self.name}"
