"""Values for store tests: small runs by number, and hypothesis strategies of everything that is stored."""

import hashlib

from hypothesis import strategies as st

from evalharness.core.protocols import Request
from evalharness.core.results import (
    CallCounts,
    CaseResult,
    Document,
    Failure,
    Output,
    RunHeader,
    Score,
    Trial,
    Unscored,
)
from evalharness.core.specs import freeze

SIGNATURES = {"exact": "equals|1", "rouge": "rougeL|1"}


def key(number):
    return hashlib.sha256(f"k{number}".encode()).hexdigest()


def output(number, size=900):
    return Output(
        text=f"answer {number} " + "x" * size,
        usage={"prompt_tokens": 3, "completion_tokens": number},
        latency_s=0.25,
        cost_usd=0.001,
        finish_reason="stop",
        model="m-1",
    )


def request(number, name=None):
    return Request(case_id=name or f"c{number}", epoch=0, attempt=0, seed=1, body={"q": number}, key=key(number))


def header(run_id="aa01", count=5, **changes):
    fields = {
        "purpose": "gate",
        "gate": "support",
        "evalset": {"name": "support", "digest": "e" * 64},
        "candidate": {"name": "bot", "digest": "c" * 64},
        "scorers": SIGNATURES,
        "case_digests": {f"c{number}": key(-number) for number in range(count)},
        "created": "2026-11-01T00:00:00Z",
    }
    return RunHeader(run_id=run_id, **{**fields, **changes})


def case(number, *, replayed=False, value=1.0, answer=None):
    scores = {
        "exact": Score(value=value, passed=value == 1.0, signature=SIGNATURES["exact"]),
        "rouge": Score(value=0.5, evidence={"stats": [1, 2]}, signature=SIGNATURES["rouge"]),
    }
    trial = Trial(
        case_id=f"c{number}",
        output=answer or output(number),
        scores=scores,
        key=key(number),
        replayed=replayed,
    )
    return CaseResult(case_id=f"c{number}", case_digest=key(-number), trials=(trial,))


def play(store, run_id="aa01", count=5, *, upto=None, finish=True, value=1.0, stopped="", **changes):
    """A run as the runner makes it; returns the number of calls it made."""
    store.start_run(header(run_id, count, **changes))
    made = 0
    for number in range(count if upto is None else upto):
        answer = store.find_answer(key(number))
        replayed = answer is not None
        if not replayed:
            made += 1
            answer = output(number)
            store.put_answer(key(number), answer, request(number))
            store.note_attempt(run_id, key(number), "ok", 0.001, 0.25)
        store.put_case(run_id, number, case(number, replayed=replayed, value=value, answer=answer))
    if finish:
        calls = CallCounts(planned=count, made=made, replayed=count - made, cost_usd=0.001 * made)
        store.finish_run(run_id, calls=calls, complete=not stopped, stopped=stopped)
    return made


# --- strategies -----------------------------------------------------------------------------------------------------

texts = st.text(max_size=40)
long_texts = st.one_of(texts, st.text(min_size=1, max_size=3).map(lambda text: text * 700))
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
objects = st.dictionaries(texts, json_values, max_size=3).map(freeze)
optional = lambda strategy: st.one_of(st.none(), strategy)  # noqa: E731
outputs = st.builds(
    Output,
    text=optional(long_texts),
    documents=st.lists(st.builds(Document, id=texts, text=optional(texts), score=optional(numbers)), max_size=3),
    messages=st.lists(objects, max_size=2),
    usage=objects,
    latency_s=optional(numbers),
    cost_usd=optional(numbers),
    finish_reason=optional(texts),
    model=optional(texts),
)
failures = st.builds(
    Failure,
    stage=st.sampled_from(["candidate", "scorer", "judge"]),
    kind=texts,
    message=texts,
    blame=st.sampled_from(["candidate", "infrastructure"]),
    attempts=st.integers(1, 9),
    retryable=st.booleans(),
)
plain_scores = st.builds(
    Score,
    value=numbers,
    passed=optional(st.booleans()),
    reason=texts,
    evidence=objects,
    signature=st.sampled_from(["", *SIGNATURES.values()]),
)
scores = st.one_of(
    st.builds(
        Score,
        value=numbers,
        passed=optional(st.booleans()),
        reason=texts,
        evidence=objects,
        parts=st.dictionaries(texts, plain_scores, max_size=2),
        signature=st.sampled_from(["", *SIGNATURES.values()]),
    ),
    st.builds(Unscored, reason=texts),
    failures,
)
recorded_errors = st.builds(Output, error=texts)
score_maps = st.dictionaries(st.one_of(st.sampled_from(sorted(SIGNATURES)), texts), scores, max_size=3)
trials = st.builds(
    Trial,
    case_id=st.just("c0"),
    epoch=st.integers(0, 5),
    attempt=st.integers(0, 3),
    output=st.one_of(outputs, failures, recorded_errors),
    scores=score_maps,
    replayed=st.booleans(),
)
case_results = st.builds(
    CaseResult,
    case_id=st.just("c0"),
    case_digest=st.sampled_from([key(0), key(1), ""]),
    trials=st.lists(trials, min_size=1, max_size=3).map(tuple),
)
