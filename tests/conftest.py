"""What holds for every test: how properties are searched, that a suite made to run cannot skip its way to green, and that no
test reaches the network or remembers another's secrets."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from evalharness.core.masking import forget_secrets
from tests.guard import sitecustomize as guard

# Properties are judged by what they find, not by how busy the machine is. CI draws the same examples each time, so that a change is
# not blamed for an old fault; .ci/nightly looks further, with new ones (HYPOTHESIS_PROFILE=nightly).
settings.register_profile("untimed", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("nightly", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "untimed"))

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails: what it needs was installed for it")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _as_failure(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _as_failure(collector.config, (yield))


def _as_failure(config: pytest.Config, report: Report) -> Report:
    if report.skipped and config.getoption("--no-skips") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under --no-skips: {report.longrepr}"
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Close the network for this process and for every Python that a test starts."""
    folder = str(Path(guard.__file__).parent)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = folder if before is None else folder + os.pathsep + before
    handle, name = tempfile.mkstemp(prefix="evalh-network-")
    os.close(handle)
    os.environ[guard.LOG] = name
    config.add_cleanup(lambda: Path(name).unlink(missing_ok=True))


@pytest.fixture(autouse=True)
def _closed_network() -> Iterator[None]:
    """A test whose code tried to leave this machine fails, also where that code took the refusal for an outage."""
    log = Path(os.environ[guard.LOG])
    yield
    if log.stat().st_size:
        tried = log.read_text(encoding="utf-8")
        log.write_text("", encoding="utf-8")
        pytest.fail(f"the network was asked for:\n{tried}", pytrace=False)


@pytest.fixture(autouse=True)
def _no_secrets_of_others() -> Iterator[None]:
    yield
    forget_secrets()


@pytest.fixture
def uncovered(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at what a process loads: under coverage it would load coverage's own modules too."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)
