import dataclasses
import json
import sqlite3
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalharness.core.errors import ConfigError, StoreError, UsageError
from evalharness.core.results import CallCounts, CaseResult, Failure, Output, Score, Trial, Unscored
from evalharness.store.rows import identity_of
from evalharness.store.store import open_store
from tests.store import store_samples as samples
from tests.store.store_samples import case, header, key, output, play, request


def row_counts(folder):
    connection = sqlite3.connect(folder / "store.db")
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
    counts = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
    connection.close()
    return counts


@pytest.fixture
def folder(tmp_path):
    return tmp_path / ".evalh"


# --- opening and closing --------------------------------------------------------------------------------------------


def test_open_makes_an_ignored_private_folder_and_nothing_else(folder):
    with open_store(folder) as store:
        assert not store.claimed
        assert store.find_answer(key(1)) is None
        assert store.runs() == []
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "store.lock"]
    assert (folder / ".gitignore").read_text() == "*\n"


def test_after_close_the_store_is_one_private_file(folder):
    with open_store(folder) as store:
        play(store)
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "store.db", "store.lock"]
    assert stat.S_IMODE((folder / "store.db").stat().st_mode) == 0o600
    assert (folder / "store.lock").read_bytes() == b""


def test_an_own_gitignore_is_left_alone(folder):
    folder.mkdir()
    (folder / ".gitignore").write_text("mine\n")
    open_store(folder).close()
    assert (folder / ".gitignore").read_text() == "mine\n"


def test_settings_of_the_file(folder):
    with open_store(folder) as store:
        play(store)
        facts = {name: store.reader.rows(f"PRAGMA {name}")[0][0] for name in ("page_size", "journal_mode")}
    assert facts == {"page_size": 16384, "journal_mode": "wal"}


def test_close_twice_and_use_after_close(folder):
    store = open_store(folder)
    play(store)
    writer = store._hold.writer
    store.close()
    store.close()
    with pytest.raises(ValueError, match="closed"):
        writer.put("plans", ("a", b"", 0))


@pytest.mark.parametrize("name", ["store.db", "store.db-wal"])
def test_links_are_refused(folder, tmp_path, name):
    folder.mkdir()
    (tmp_path / "elsewhere").write_bytes(b"")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="link"):
        open_store(folder)


def test_read_only_makes_nothing_and_writes_nothing(folder):
    with open_store(folder, read_only=True) as store:
        assert store.runs() == []
        store.cache_put("plan", b"x")
        with pytest.raises(StoreError, match="reading only"):
            store.claim()
    assert not folder.exists()


# --- answers and scores ---------------------------------------------------------------------------------------------


def test_answers_are_seen_at_once_and_after_reopening(folder):
    with open_store(folder) as store:
        store.put_answer(key(1), output(1), request(1))
        assert store.find_answer(key(1)) == output(1)
        store.flush()
        assert store.find_answer(key(1)) == output(1)
    with open_store(folder) as store:
        assert store.find_answer(key(1)) == output(1)
        assert store.find_answer(key(2)) is None
        assert not store.claimed


def test_the_first_answer_under_a_key_stays(folder):
    with open_store(folder) as store:
        store.put_answer(key(1), output(1), request(1))
        store.put_answer(key(1), output(2), request(1))
        assert store.find_answer(key(1)) == output(1)
        store.flush()
        store.put_answer(key(1), output(3), request(1))
        store.flush()
        assert store.find_answer(key(1)) == output(1)


def test_errors_are_never_stored(folder):
    with open_store(folder) as store:
        with pytest.raises(ValueError, match="never stored"):
            store.put_answer(key(1), Output(error="no"), request(1))
        with pytest.raises(ValueError, match="never stored"):
            store.put_score(key(1), Failure(stage="judge", kind="x", message="m"))
        assert not store.claimed


@given(samples.outputs)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_output_comes_back(module_store, value):
    name = f"{module_store.count:064x}"
    module_store.count += 1
    module_store.put_answer(name, value, request(1))
    module_store.flush()
    assert module_store.find_answer(name) == value


@given(samples.scores.filter(lambda score: not isinstance(score, Failure)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_score_comes_back(module_store, value):
    name = f"{module_store.count:064x}"
    module_store.count += 1
    module_store.put_score(name, value, case_id="c1")
    assert module_store.find_score(name) == value
    module_store.flush()
    assert module_store.find_score(name) == value


@pytest.fixture(scope="module")
def module_store(tmp_path_factory):
    with open_store(tmp_path_factory.mktemp("any")) as store:
        store.count = 0
        yield store


# --- runs -----------------------------------------------------------------------------------------------------------


@given(st.lists(samples.case_results, max_size=3), st.integers(0, 10**6))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_run_comes_back(module_store, cases, seed):
    module_store.count += 1
    results = [_numbered(result, number) for number, result in enumerate(cases)]
    head = header(f"run{module_store.count}", 3, seed=seed)
    calls = CallCounts(planned=3, made=2, replayed=1, saved_by_early_stop=4, cost_usd=0.5)
    module_store.start_run(head)
    for place, result in enumerate(results):
        module_store.put_case(head.run_id, place, result)
    module_store.finish_run(head.run_id, calls=calls, complete=True, stopped="")
    run = module_store.load_run(head.run_id)
    assert run.header == head
    assert list(run.results) == [result.case_id for result in results]
    assert list(run.results.values()) == results
    assert (run.calls, run.complete, run.stopped) == (calls, True, "")


def _numbered(result, number):
    name = f"c{number}"
    trials = tuple(dataclasses.replace(trial, case_id=name) for trial in result.trials)
    return dataclasses.replace(result, case_id=name, trials=trials)


def test_run_with_stored_answers_comes_back(folder):
    with open_store(folder) as store:
        assert play(store) == 5
        before = store.load_run("aa01")
    with open_store(folder) as store:
        run = store.load_run("aa")
        assert run == before
        assert list(run.results.values()) == [case(number) for number in range(5)]
        assert [answer.output for answer in store.answers_of_run("aa01")] == [output(number) for number in range(5)]
        assert not store.claimed


def test_a_trial_of_another_case_keeps_its_name(folder):
    trial = Trial(case_id="base", epoch=1, attempt=2, output=Output(text="x"))
    result = CaseResult(case_id="c0", case_digest="", trials=(trial,))
    with open_store(folder) as store:
        store.start_run(header())
        store.put_case("aa01", 0, result)
        assert store.load_run("aa01").results["c0"] == result


def test_identical_replay_makes_no_call_and_writes_one_row(folder):
    with open_store(folder) as store:
        play(store, "aa01")
        store.record_look("support", "b1", "aa01")
    before = row_counts(folder)
    with open_store(folder) as store:
        assert play(store, "aa02") == 0
        store.record_look("support", "b1", "aa02")
        store.put_verdict("aa02", json.dumps({"outcome": "pass"}))
        replay = store.load_run("aa02")
        first = store.load_run("aa01")
        assert store.count_looks("support", "b1") == 1
        assert store.runs()[0].same_as == "aa01"
    after = row_counts(folder)
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {"runs": 1}
    assert list(replay.results) == list(first.results)
    assert all(trial.replayed for result in replay.results.values() for trial in result.trials)
    assert [r.trials[0].scores for r in replay.results.values()] == [r.trials[0].scores for r in first.results.values()]
    assert replay.calls.replayed == 5


def test_a_third_replay_points_to_the_first(folder):
    for run_id in ("aa01", "aa02", "aa03"):
        with open_store(folder) as store:
            play(store, run_id)
    with open_store(folder) as store:
        assert [run.same_as for run in store.runs()] == ["aa01", "aa01", ""]
        assert len(store.load_run("aa03").results) == 5


def test_a_replay_takes_the_lock_only_at_its_end(folder):
    with open_store(folder) as store:
        play(store, "aa01")
    with open_store(folder) as store:
        play(store, "aa02", finish=False)
        assert not store.claimed
        store.finish_run("aa02", calls=CallCounts(), complete=True, stopped="")
        assert store.claimed


def test_a_replay_with_another_score_gets_its_own_rows(folder):
    with open_store(folder) as store:
        play(store, "aa01")
    with open_store(folder) as store:
        store.start_run(header("aa02"))
        for number in range(5):
            assert store.find_answer(key(number)) is not None
            store.put_case("aa02", number, case(number, replayed=True, value=0.0 if number == 3 else 1.0))
        store.finish_run("aa02", calls=CallCounts(), complete=True, stopped="")
        run = store.load_run("aa02")
        assert store.runs()[0].same_as == ""
    assert [result.trials[0].scores["exact"].value for result in run.results.values()] == [1, 1, 1, 0, 1]
    assert all(result.trials[0].replayed for result in run.results.values())
    assert row_counts(folder)["run_cases"] == 10


def test_a_replay_that_has_to_call_gets_its_own_rows(folder):
    with open_store(folder) as store:
        play(store, "aa01", count=5, upto=3, stopped="verdict")
    with open_store(folder) as store:
        assert play(store, "aa02", count=5) == 2
        run = store.load_run("aa02")
    assert [result.trials[0].replayed for result in run.results.values()] == [True, True, True, False, False]
    assert list(run.results.values())[4] == case(4)


def test_a_shorter_replay_has_only_its_own_cases(folder):
    with open_store(folder) as store:
        play(store, "aa01")
        play(store, "aa02", upto=2, stopped="verdict")
        assert list(store.load_run("aa02").results) == ["c0", "c1"]
        assert store.runs()[0].same_as == "aa01"
        assert store.runs()[0].cases == 2


def test_a_replay_with_a_gap_gets_its_own_rows(folder):
    with open_store(folder) as store:
        play(store, "aa01")
        store.start_run(header("aa02"))
        store.put_case("aa02", 3, case(3, replayed=True))
        store.finish_run("aa02", calls=CallCounts(), complete=False, stopped="interrupted")
        assert list(store.load_run("aa02").results) == ["c3"]


def test_fresh_rows_are_not_taken_for_a_replay(folder):
    with open_store(folder) as store:
        play(store, "aa01")
        store.start_run(header("aa02"))
        store.put_case("aa02", 0, case(0, replayed=False))
        store.finish_run("aa02", calls=CallCounts(), complete=True, stopped="")
        assert not store.load_run("aa02").results["c0"].trials[0].replayed


def test_a_case_put_twice_counts_the_second_time(folder):
    with open_store(folder) as store:
        store.start_run(header())
        store.put_answer(key(0), output(0), request(0))
        store.put_case("aa01", 0, case(0))
        store.put_case("aa01", 0, case(0, value=0.0))
        assert store.load_run("aa01").results["c0"] == case(0, value=0.0)


def test_going_on_with_a_stopped_run(folder):
    name = identity_of(header())
    with open_store(folder) as store:
        assert store.resumable(name) is None
        assert not store.claimed
        play(store, "aa01", upto=3, stopped="interrupted")
    with open_store(folder) as store:
        assert store.resumable(name) == "aa01"
        assert store.claimed
        assert play(store, "aa01") == 2
        assert store.resumable(name) is None
        assert store.spent("aa01").calls == 5
        assert store.spent("aa01").cost_usd == pytest.approx(0.005)
        run = store.load_run("aa01")
    assert list(run.results.values()) == [case(number) for number in range(5)]
    assert row_counts(folder)["runs"] == 1


def test_a_resumed_run_that_stops_early_has_exactly_its_prefix(folder):
    with open_store(folder) as store:
        play(store, "aa01", upto=4, stopped="interrupted")
    with open_store(folder) as store:
        play(store, "aa01", upto=2, stopped="verdict")
        assert list(store.load_run("aa01").results) == ["c0", "c1"]


def test_a_resumed_run_that_is_stopped_sooner_loses_nothing(folder):
    with open_store(folder) as store:
        play(store, "aa01", upto=4, stopped="interrupted")
    with open_store(folder) as store:
        play(store, "aa01", upto=2, stopped="budget")
        assert list(store.load_run("aa01").results) == ["c0", "c1", "c2", "c3"]


@pytest.mark.parametrize("stopped", ["", "verdict"])
def test_a_run_that_reached_its_end_is_not_resumable(folder, stopped):
    with open_store(folder) as store:
        play(store, stopped=stopped)
        assert store.resumable(identity_of(header())) is None


def test_a_finished_run_id_is_taken(folder):
    with open_store(folder) as store:
        play(store)
        with pytest.raises(ValueError, match="already"):
            store.start_run(header())


def test_a_run_in_progress_reads_as_interrupted(folder):
    with open_store(folder) as store:
        play(store, upto=2, finish=False)
        summary, run = store.runs()[0], store.load_run("aa01")
        assert (summary.finished, summary.stopped, summary.cases, summary.calls) == (False, "interrupted", 2, 2)
        assert (run.complete, run.stopped, run.calls.made) == (False, "interrupted", 2)


def test_summaries_newest_first(folder):
    with open_store(folder) as store:
        play(store, "aa01", value=0.5)
        play(store, "bb02", upto=2, stopped="budget", seed=9, created="")
        store.put_verdict("bb02", '{"outcome": "incomplete", "gates": ["é"]}')
        store.finish_run(
            "bb02", calls=CallCounts(), complete=False, stopped="budget", verdict_json='{"outcome":"pass"}'
        )
        first, second = store.runs(limit=2)
        assert store.runs(limit=1) == [first]
        assert store.verdict_of("aa01") is None
        assert json.loads(store.verdict_of("bb02")) == {"outcome": "pass"}
    assert (second.run_id, second.purpose, second.gate, second.evalset) == ("aa01", "gate", "support", "support")
    assert (second.candidate, second.created, second.complete) == ("bot", "2026-11-01T00:00:00Z", True)
    assert (first.run_id, first.stopped, first.complete, first.outcome) == ("bb02", "budget", False, "pass")
    assert first.created.endswith("+00:00")
    assert second.cost_usd == pytest.approx(0.005)


def test_run_words(folder):
    with open_store(folder) as store:
        play(store, "aa01")
        play(store, "aa02", seed=2)
        play(store, "aa", seed=3)
        assert store.load_run("aa").header.seed == 3
        for name, words in (("bb", "no run"), ("", "no run"), ("a", "several runs: aa, aa02, aa01"), ("%", "no run")):
            with pytest.raises(UsageError, match=words):
                store.load_run(name)


def test_spent_of_unknown_and_finished_runs(folder):
    with open_store(folder) as store:
        assert store.spent("nope").calls == 0
        play(store)
    with open_store(folder) as store:
        assert store.spent("aa01").calls == 5


def test_two_runs_at_once(folder):
    with open_store(folder) as store:
        store.start_run(header("aa01"))
        store.start_run(header("bb02", seed=8))
        for number in range(3):
            store.put_answer(key(number), output(number), request(number))
            store.put_case("aa01", number, case(number))
            store.put_case("bb02", number, case(number, replayed=True))
        store.note_attempt("aa01", key(0), "timeout", 0.0, None)
        assert store.spent("aa01").calls == 1
        assert store.spent("bb02").calls == 0
        assert len(store.load_run("bb02").results) == len(store.load_run("aa01").results) == 3


# --- counts and plans -----------------------------------------------------------------------------------------------


def test_looks_and_tries(folder):
    with open_store(folder) as store:
        assert store.count_looks("g", "b") == store.count_tries("7", "g") == 0
        for run_id in ("r1", "r2", "r2"):
            store.record_look("g", "b", run_id)
        store.record_look("g", "other", "r1")
        for candidate in ("c1", "c2", "c1"):
            store.record_try("7", "g", candidate)
        store.record_try("8", "g", "c1")
        assert store.count_looks("g", "b") == 2
        assert store.count_tries("7", "g") == 2
    with open_store(folder) as store:
        store.record_try("7", "g", "c1")
        assert not store.claimed
        assert store.count_tries("7", "g") == 2


def test_odd_names_are_kept_visible(folder):
    with open_store(folder) as store:
        store.record_try("ref\udcff", "g", "c")
        assert store.count_tries("ref\udcff", "g") == 1


def test_plans(folder):
    with open_store(folder) as store:
        assert store.cache_get("plan") is None
        store.cache_put("plan", b"one" * 900)
        store.cache_put("plan", b"two")
        store.flush()
        assert store.cache_get("plan") == b"two"


def test_scores_that_do_not_apply_are_kept(folder):
    with open_store(folder) as store:
        store.put_score(key(1), Unscored(reason="no target"))
        store.put_score(key(2), Score(value=1.0, signature="judge|x"))
    with open_store(folder) as store:
        assert store.find_score(key(1)) == Unscored(reason="no target")
        assert store.find_score(key(2)) == Score(value=1.0, signature="judge|x")
