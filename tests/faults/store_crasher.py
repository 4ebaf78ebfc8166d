"""Writes to a store until it is killed, and prints the key of every answer that was acknowledged.

    python store_crasher.py FOLDER FIRST COUNT FLUSH_EVERY

The answers of one number are always the same, so a test can say of each stored row what it must be.
"""

import hashlib
import random
import sys
from pathlib import Path

from evalharness.core.protocols import Request
from evalharness.core.results import CallCounts, CaseResult, Output, RunHeader, Score, Trial
from evalharness.store.store import open_store


def key(number):
    return hashlib.sha256(f"k{number}".encode()).hexdigest()


def output(number):
    text = random.Random(number).randbytes(700).hex()  # does not compress away
    return Output(text=text, usage={"prompt_tokens": number}, latency_s=0.1, cost_usd=0.001, model="m")


def header(first, count):
    cases = {f"c{number}": key(-number) for number in range(first, first + count)}
    return RunHeader(run_id=f"run{first}", purpose="gate", scorers={"exact": "equals|1"}, case_digests=cases)


def result(number, *, answer, replayed):
    scores = {"exact": Score(value=1.0, passed=True, signature="equals|1")}
    trial = Trial(case_id=f"c{number}", output=answer, key=key(number), scores=scores, replayed=replayed)
    return CaseResult(case_id=f"c{number}", case_digest=key(-number), trials=(trial,))


def write(folder, first, count, flush_every, say):
    """One run; ``say`` gets each number whose answer is durable. Returns the calls it made."""
    made, open_numbers = 0, []
    with open_store(Path(folder), wait_s=20) as store:
        head = header(first, count)
        store.start_run(head)
        for number in range(first, first + count):
            answer = store.find_answer(key(number))
            replayed = answer is not None
            if not replayed:
                made += 1
                answer = output(number)
                store.note_attempt(head.run_id, key(number), "ok", 0.001, 0.1)
                request = Request(case_id=f"c{number}", epoch=0, attempt=0, seed=1, body="q", key=key(number))
                store.put_answer(key(number), answer, request)
            store.put_case(head.run_id, number - first, result(number, answer=answer, replayed=replayed))
            open_numbers.append(number)
            if len(open_numbers) == flush_every:
                store.flush()
                for done in open_numbers:
                    say(done)
                open_numbers.clear()
        calls = CallCounts(planned=count, made=made, replayed=count - made)
        store.finish_run(head.run_id, calls=calls, complete=True, stopped="")
        for done in open_numbers:
            say(done)
    return made


def main():
    folder, first, count, flush_every = sys.argv[1], *map(int, sys.argv[2:5])
    write(folder, first, count, flush_every, lambda number: print(number, flush=True))


if __name__ == "__main__":
    main()
