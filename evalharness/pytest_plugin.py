"""The pytest plugin. It imports only pytest when it is loaded, so a project that does not use it pays nothing.

Everything else is in ``evalharness.testing`` and loaded when a test carries the marker, wants a fixture, or when
``evalh.toml`` is named on the command line.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evalharness.testing.fixture import EvalhFixture
    from evalharness.testing.trial import CaseTrial

MARKER = "evalh(evalset, candidate=NAME): one test per case of an eval set; the test takes the fixture `trial`"
AFTER_LOOP = "evalh-after-loop"
SITTING = "evalh-sitting"
"""Name that ``evalharness.testing.sitting`` registers itself under, once something uses it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all of them prefixed."""
    group = parser.getgroup("evalh", "evaluation (evalharness)")
    group.addoption("--evalh-live", action="store_true", help="ask candidates for answers that are not recorded")
    group.addoption("--evalh-fresh", action="store_true", help="with --evalh-live: ignore recorded answers")
    group.addoption("--evalh-jobs", type=_count, metavar="N", help="calls in flight at most")
    group.addoption("--evalh-max-cost", type=_dollars, metavar="USD", help="spend at most so much in this session")
    group.addoption("--evalh-baseline", metavar="RUN", help="compare with this run instead of the gate's baseline")
    group.addoption("--evalh-report", metavar="FILE", help="write the verdicts (.html .json .md .xml .csv .jsonl)")
    group.addoption("--evalh-no-gate", action="store_true", help="run the tests, judge no gate")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that ``--strict-markers`` knows it."""
    config.addinivalue_line("markers", MARKER)
    if config.getoption("evalh_fresh") and not config.getoption("evalh_live"):
        raise pytest.UsageError("--evalh-fresh asks for new answers, so it needs --evalh-live")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(AfterLoop(config), AFTER_LOOP)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """``evalh.toml`` where the command line names it; never by accident."""
    if file_path.name != "evalh.toml" or not parent.session.isinitpath(file_path):
        return None
    from evalharness.testing.configfile import ConfigFile

    return ConfigFile.from_parent(parent, path=file_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per case for what carries the marker and takes ``trial``."""
    if "trial" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("evalh")
    if marker is not None:
        from evalharness.testing.places import place_cases

        place_cases(metafunc, marker)


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> CaseTrial:
    """The case of this test and the candidate's answer: ``trial.case``, ``trial.output``, ``trial.scores``."""
    from evalharness.testing.trial import trial_of

    return trial_of(request)


@pytest.fixture
def evalh(request: pytest.FixtureRequest) -> EvalhFixture:
    """Gates inside a test: ``await evalh.gate(...)``, or ``evalh.run_gate(...)`` in a test that is not async."""
    from evalharness.testing.fixture import EvalhFixture

    return EvalhFixture(request)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Under pytest-xdist: give every worker the same private folder, and judge in this process after the loop."""
    node.workerinput["evalh_folder"] = node.config.pluginmanager.get_plugin(AFTER_LOOP).share()


class AfterLoop:
    """Judges in the process that talks to the user, once, when every test has run.

    Args:
        config: The session's config.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.folder: str | None = None
        """Shared with the workers of pytest-xdist; removed at the end."""
        self._config = config
        self._counted = False
        self._lines: list[str] = []

    def share(self) -> str:
        """The private folder, made on first use."""
        if self.folder is None:
            import tempfile

            self.folder = tempfile.mkdtemp(prefix="evalh-pytest-")
        return self.folder

    @pytest.hookimpl(wrapper=True, trylast=True)  # inside the terminal's own, which ends the progress bar
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Judge after the loop, also after one that ``-x`` ended; never after Ctrl-C."""
        try:
            done = yield
        except session.Failed:
            self._judge(session)
            raise
        except KeyboardInterrupt as stop:
            if type(stop) is not KeyboardInterrupt and session.shouldfail:
                self._judge(session)  # how pytest-xdist ends under -x
            raise
        self._judge(session)
        return done

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """Count the coming reports before the first test is shown, or the bar would end beside 100 %."""
        if not self._counted:
            self._counted = True
            session: Any = self._config.pluginmanager.get_plugin("session")
            if self._will_judge():
                from evalharness.testing.closing import expected_reports
                from evalharness.testing.sitting import sitting_of

                session.testscollected += expected_reports(sitting_of(self._config, self.folder))

    def _used(self) -> bool:
        return self._config.pluginmanager.has_plugin(SITTING) or (
            self.folder is not None and bool(os.listdir(self.folder))
        )

    def _will_judge(self) -> bool:
        return self._used() and not self._config.option.collectonly and not self._config.getoption("evalh_no_gate")

    def _judge(self, session: pytest.Session) -> None:
        if self._will_judge():
            from evalharness.testing.closing import judge_session
            from evalharness.testing.sitting import sitting_of

            self._lines = judge_session(session, sitting_of(self._config, self.folder))

    def pytest_sessionfinish(self) -> None:
        """Write the report, now that nothing more is judged."""
        path = self._config.getoption("evalh_report")
        if path is None or self._config.option.collectonly:
            return
        if not self._used():
            self._lines.append(f"{path} was not written: no test used evalh")
            return
        from evalharness.testing.closing import write_report
        from evalharness.testing.sitting import sitting_of

        self._lines.append(write_report(sitting_of(self._config, self.folder), path))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """One line a gate."""
        if self._lines:
            terminalreporter.write_sep("=", "evalh")
            for line in self._lines:
                terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        """Remove the shared folder."""
        if self.folder is not None:
            import shutil

            shutil.rmtree(self.folder, ignore_errors=True)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _dollars(text: str) -> float:
    amount = float(text)
    if not 0.0 <= amount < float("inf"):
        raise ValueError(text)
    return amount
