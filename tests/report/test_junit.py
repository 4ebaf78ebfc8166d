"""JUnit XML: red where the exit code is not 0, counts that hold, one suite of gates and one of cases."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from evalharness.core.verdicts import Comparison
from evalharness.report import junit
from tests.report.comparisons import compared, failed, refused, told


def suites(*comparisons: Comparison) -> tuple[ET.Element, ET.Element]:
    gates, cases = ET.fromstring(junit.of_verdict(*told(*comparisons)))
    return gates, cases


def kinds(suite: ET.Element) -> dict[str, str]:
    return {case.get("name", ""): case[0].tag if len(case) else "" for case in suite}


def test_a_regression_is_a_failure_and_so_are_its_cases() -> None:
    gates, cases = suites(compared(n=60, lost=20))
    assert kinds(gates) == {"support": "failure"}
    assert gates[0][0].get("message", "").startswith("regression: exact fell")
    assert (cases.get("tests"), cases.get("failures"), cases.get("errors")) == ("60", "20", "0")
    blamed = next(case for case in cases if case.get("name") == "refund-000")
    assert blamed[0].get("message") == "exact 1 -> 0"
    assert blamed[0].text == "You can return it any time."
    assert blamed.get("classname") == "evalh.support"


def test_a_passing_gate_has_no_red_case() -> None:
    gates, cases = suites(compared(n=400, lost=4))
    assert kinds(gates) == {"support": "system-out"}
    assert set(kinds(cases).values()) == {""}


def test_a_flip_is_red_though_every_mean_is_fine() -> None:
    _, cases = suites(compared(lost=0, hard_flips=2))
    assert {name for name, kind in kinds(cases).items() if kind == "failure"} == {"refund-000", "refund-001"}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({"outcome": "inconclusive"}, "failure"), ({"outcome": "incomplete"}, "error"), ({"outcome": "refused"}, "error"),
     ({"outcome": "inconclusive", "exit_outcome": "pass"}, "skipped")],
)  # fmt: skip
def test_other_outcomes(fields: dict[str, object], kind: str) -> None:
    gates, _ = suites(refused(**fields))
    assert kinds(gates) == {"support": kind}


def test_lost_and_unasked_cases() -> None:
    comparison = compared(n=60, lost=0)
    lost = failed(comparison, "refund-003")
    lost = replace(lost, candidate={k: v for k, v in lost.candidate.items() if k != "refund-004"})
    _, cases = suites(lost)
    assert (kinds(cases)["refund-003"], kinds(cases)["refund-004"]) == ("skipped", "skipped")
    incomplete = replace(lost, gate=replace(lost.gate, outcome="incomplete", exit_outcome=None))
    _, cases = suites(incomplete)
    assert kinds(cases)["refund-003"] == "error"


def test_several_gates_stand_in_one_file() -> None:
    gates, cases = suites(compared(n=20, lost=0), refused(gate="other"))
    assert [case.get("name") for case in gates] == ["support", "other"]
    assert cases.get("tests") == "20"


def test_a_file_that_reads_back_otherwise_is_never_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit, "_counts_of", lambda suite: {"tests": 0, "failures": 0, "errors": 0, "skipped": 0})
    with pytest.raises(ValueError, match="read back"):
        junit.of_verdict(*told(compared(n=20, lost=0)))
