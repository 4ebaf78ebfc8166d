"""What holds for every test: how properties are searched, and that a suite made to run cannot skip its way to green."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

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
