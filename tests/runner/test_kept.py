"""Results that are packed are the results that were put, whatever is in them, in the order they came."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.results import CaseResult, Failure, Output, Score, Trial
from evalharness.runner import kept as kept_module
from evalharness.runner import ledger
from evalharness.runner.kept import Kept
from evalharness.runner.run import run_cases
from tests.runner.runner_doubles import Fake, job, some_cases
from tests.store import store_samples as samples

LOST = Failure(stage="candidate", kind="timeout", message="no answer in 2 s", attempts=3, retryable=True)


def kept(results, *, plain):
    digests = {f"c{number}": samples.key(-number) for number in range(len(results))}
    found = Kept(samples.SIGNATURES, digests, plain=plain)
    for result in results:
        found.put(result)
    return found


@given(
    st.lists(
        st.tuples(st.one_of(samples.outputs, st.just(LOST)), samples.scores, st.booleans()), min_size=1, max_size=4
    )
)
def test_any_result_comes_back_as_it_was(parts):
    trials = [
        Trial(case_id="c0", epoch=epoch, output=output, scores={"exact": score}, key=samples.key(1), replayed=replayed)
        for epoch, (output, score, replayed) in enumerate(parts)
    ]
    results = [
        CaseResult(case_id="c0", case_digest=samples.key(0), trials=tuple(trials)),
        CaseResult(case_id="c1", case_digest="another", trials=(replace(trials[0], attempt=1),)),
    ]
    found = kept(results, plain=0)
    assert list(found.values()) == results
    assert found["c1"].trials[0].case_id == "c0"


def test_order_and_length_are_those_of_what_was_put():
    results = [samples.case(number) for number in (3, 1, 4, 0, 2)]
    found = kept(results, plain=2)
    assert list(found) == ["c3", "c1", "c4", "c0", "c2"]
    assert found == {result.case_id: result for result in results}
    assert [found[f"c{number}"] for number in (2, 0, 4)] == [results[4], results[3], results[2]]
    assert found.get("c9") is None
    assert found["c3"] is results[0]  # not packed
    assert found["c4"] is not results[2]  # packed


def test_a_packed_result_is_much_smaller_than_the_text_it_holds():
    found = kept([samples.case(number) for number in range(50)], plain=0)
    sizes = [len(packed) for packed in found._results.values()]
    assert max(sizes[1:]) < 0.2 * len(samples.output(0).text)


def test_a_run_is_the_same_whether_its_results_are_packed_or_not(monkeypatch):
    cases = some_cases(30)
    whole = run_cases(job(cases, Fake()))
    monkeypatch.setattr(ledger, "Kept", lambda signatures, digests: Kept(signatures, digests, plain=4))
    packed = run_cases(job(cases, Fake()))
    untimed = [
        {
            case_id: [(trial.output.text, trial.scores, trial.key) for trial in result.trials]
            for case_id, result in run.results.items()
        }
        for run in (whole, packed)
    ]
    assert untimed[0] == untimed[1]
    assert (packed.complete, packed.calls) == (whole.complete, whole.calls)


def test_recorded_answers_are_kept_as_references_and_come_back_as_they_were():
    digests = {name: samples.key(place) for place, name in enumerate("abc")}
    found = Kept(samples.SIGNATURES, digests, plain=0)
    right, wrong = Output(text="yes"), Output(text="no")
    scores = {output.text: {"exact": Score(value=float(output is right), signature="s")} for output in (right, wrong)}
    results = [
        CaseResult(
            case_id=name,
            case_digest=digests[name],
            trials=(Trial(case_id=name, output=output, scores=scores[output.text], replayed=True),),
        )
        for name, output in zip("abc", (right, wrong, right), strict=True)
    ]
    for result in results:
        found.put(result)
    assert list(found.values()) == results
    rows = list(found._results.values())
    assert rows[0] is rows[2]
    assert rows[0] is not rows[1]


def test_rows_that_are_never_the_same_are_not_gathered(monkeypatch):
    monkeypatch.setattr(kept_module, "_MOST_SHARED", 2)
    names = [f"c{number}" for number in range(5)]
    digests = {name: samples.key(0) for name in names}
    found = Kept(samples.SIGNATURES, digests)
    results = [
        CaseResult(
            case_id=name,
            case_digest=digests[name],
            trials=(Trial(case_id=name, output=Output(text=name), scores={}),),
        )
        for name in names
    ]
    for result in results:
        found.put(result)
    assert list(found.values()) == results
    assert len(found._shared) == 2


def test_a_result_of_another_case_than_the_run_knows_stays_whole():
    found = Kept(samples.SIGNATURES, {"a": samples.key(0)})
    result = CaseResult(case_id="a", case_digest=samples.key(1), trials=(Trial(case_id="a", output=LOST),))
    found.put(result)
    assert found["a"] is result
