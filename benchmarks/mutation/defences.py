"""Take each defence against the twenty attacks out of the code and see whether its test notices (docs/attacks.md).

    python benchmarks/mutation/defences.py [--only B3 ...] [--work DIR]

Copies the package and its tests, and for each attack makes one edit that removes the defence, runs the one test that must fail
then, and puts the line back. Prints a row an attack; exit 1 if a test passes without its defence. The checkout is not touched.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("evalharness", "evalsets", "rubrics", "tests")
FILES = ("pyproject.toml", "README.md", "LICENSE")


class Edit(NamedTuple):
    """What is taken out, and the test that must fail then."""

    path: str
    """Below ``evalharness``."""
    old: str
    new: str
    test: str
    """Below ``tests``."""
    says: str
    more: tuple[tuple[str, str], ...] = ()
    """Further edits of the same file, where the defence stands twice."""


DEFENCES = {
    "B1": Edit(
        "project/promoting.py",
        'run.header.purpose == "gate"',
        'run.header.purpose == "never"',
        "attacks/test_b01_baselines_chosen_by_verdicts.py::test_a_gate_run_cannot_be_promoted",
        "a gate run may be promoted",
    ),
    "B2": Edit(
        "verdict/judge.py",
        "nows = [track.engine.log_e_now for",
        "nows = [track.engine.log_e_best for",
        "attacks/test_b02_merging_running_maxima.py::test_the_judge_merges_what_is_there_now",
        "running maxima are merged",
    ),
    "B3": Edit(
        "project/judging.py",
        "order_seed(evalset.digest, arm.run, pull_request(workspace.env))",
        "order_seed(evalset.digest, arm.run, pull_request(workspace.env) + candidate.digest)",
        "attacks/test_b03_rolling_the_order_again.py::test_white_space_draws_no_new_order",
        "the candidate enters the order seed",
    ),
    "B4": Edit(
        "verdict/conclusion.py",
        "    if ending.selection:\n        return",
        "    if False:\n        return",
        "attacks/test_b04_running_only_the_lost_cases_again.py::test_a_selection_has_no_verdict",
        "a selection of cases is judged",
    ),
    "B5": Edit(
        "verdict/hard.py",
        "return not verdicts or not all(verdicts)",
        "return not verdicts or not any(verdicts)",
        "attacks/test_b05_hard_checks_that_flake.py::test_a_case_that_flaked_in_the_baseline_is_not_guarded",
        "one passed epoch of the baseline is enough to guard a case",
    ),
    "B6": Edit(
        "project/tries.py",
        "return replace(gate, alpha_pass=spent_alpha(number or 1, gate.alpha_pass))",
        "return gate",
        "attacks/test_b06_pushing_until_one_passes.py::test_spending_gives_each_try_its_own_share",
        "each try has the whole alpha",
    ),
    "B7": Edit(
        "verdict/warnings.py",
        "if looks < MANY_LOOKS:",
        "if True:",
        "attacks/test_b07_fitting_to_the_visible_cases.py::test_looks_at_the_same_cases_are_counted_and_said",
        "many looks at the same cases are not said",
    ),
    "B8": Edit(
        "stats/exact_state.py",
        "if self.n == self._plan.planned else",
        "if self.n else",
        "attacks/test_b08_choosing_the_number_after_looking.py::test_a_run_that_stops_where_a_shorter_plan_would_pass_does_not_pass",
        "the last bar stands wherever the run stops",
    ),
    "B9": Edit(
        "stats/exact_survival.py",
        "    if looks:\n",
        "    if False:\n",
        "attacks/test_b09_more_cases_after_inconclusive.py::test_declared_looks_keep_the_rate_that_fresh_bars_break",
        "what an earlier look has spent is forgotten",
    ),
    "B10": Edit(
        "verdict/warnings.py",
        "if baseline.chosen_among < 2:",
        "if True:",
        "attacks/test_b10_picking_the_baseline.py::test_a_picked_run_says_among_how_many",
        "a picked baseline is not said",
    ),
    "B11": Edit(
        "verdict/track.py",
        "        and epochs == (1, 1)\n",
        "",
        "attacks/test_b11_unlike_epochs.py::test_means_over_unlike_epochs_stay_where_they_were_and_majorities_do_not",
        "several epochs go the exact path",
    ),
    "B12": Edit(
        "verdict/measure.py",
        "low=(total + least) / count,",
        "low=(total + missing) / count,",
        "attacks/test_b12_losing_the_lost_cases.py::test_hidden_losses_never_pass_and_dropping_them_would",
        "PASS sees the best of a missing answer",
    ),
    "B13": Edit(
        "stats/sequential.py",
        "if self._units < rule.planned or rule.running_share == 1:",
        "if rule.running_share == 1:",
        "attacks/test_b13_cutting_the_budget.py::test_no_place_to_cut_wins_more_than_the_running_bar",
        "the last look is taken wherever the run is cut",
        (
            (
                "rule, level = self._rule, self._rule.look_level(self._units)",
                "rule, level = self._rule, self._rule.look_level(self._rule.planned)",
            ),
        ),
    ),
    "B14": Edit(
        "verdict/judge.py",
        'all(track.decided == "pass" for track in guards)',
        'any(track.decided == "pass" for track in guards)',
        "attacks/test_b14_one_metric_decided_early.py::test_an_early_pass_is_no_pass_of_the_gate_while_another_fails",
        "the first metric that passes ends the run",
    ),
    "B15": Edit(
        "verdict/track.py",
        "largest=None if uniform else max(sizes),",
        "largest=None,",
        "attacks/test_b15_unequal_clusters_and_weights.py::test_the_largest_unit_is_that_of_the_plan_also_before_it_comes",
        "units count alike whatever their cases",
    ),
    "B16": Edit(
        "project/baseref.py",
        "replace(base.gates[name], where=gate.where) if name in base.gates else gate",
        "gate",
        "attacks/test_b16_editing_the_gate.py::test_a_wider_margin_does_not_judge_its_own_pull_request",
        "the pull request's own gate judges it",
    ),
    "B17": Edit(
        "verdict/judge.py",
        "self.family = max(1, len(judged) + len(pinned) + sum(len(limits) for _, _, limits, _ in slices))",
        "self.family = max(1, len(judged))",
        "attacks/test_b17_slices_and_anchors_as_further_chances.py::test_everything_that_can_block_shares_alpha",
        "slices and pinned copies have an alpha of their own",
    ),
    "B18": Edit(
        "candidates/prompt.py",
        'digest({"url": address.url, "version": options.version})',
        "digest({})",
        "attacks/test_b18_replaying_unchanged_requests.py::test_whatever_decides_the_answer_is_in_the_key",
        "endpoint and version are not part of the key",
    ),
    "B19": Edit(
        "stats/exact_question.py",
        "limits.append(int(first))",
        'limits.append(int(first) + 2 * (question == "pass"))',
        "attacks/test_b19_noisy_answers_to_a_fixed_set.py::test_every_pattern_of_a_fixed_set_stays_below_alpha",
        "a plan that lets two losses more pass",
    ),
    "B20": Edit(
        "project/afterwards.py",
        "    if not chances:\n",
        "    if True:\n",
        "attacks/test_b20_merging_inconclusive_by_hand.py::test_every_inconclusive_says_what_merging_it_would_let_through",
        "INCONCLUSIVE does not say its price",
    ),
}
"""Attack -> its defence, taken out."""


def main() -> int:
    """Run them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(DEFENCES), default=list(DEFENCES))
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        copy(work)
        print("| attack | taken out | test | without the defence |\n| --- | --- | --- | --- |", flush=True)
        noticed = [row(name, work) for name in options.only]
    return 0 if all(noticed) else 1


def copy(work: Path) -> None:
    """Copy what the tests need."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for name in FILES:
        shutil.copy(ROOT / name, work / name)


def row(name: str, work: Path) -> bool:
    """Take one defence out, run its test, put it back; whether the test noticed.

    Raises:
        SystemExit: If the line is not there (the code has moved on), or the test could not run.
    """
    edit = DEFENCES[name]
    path = work / "evalharness" / edit.path
    source = path.read_text(encoding="utf-8")
    changed = source
    for old, new in ((edit.old, edit.new), *edit.more):
        if source.count(old) != 1:
            raise SystemExit(f"{name}: {edit.path} has {source.count(old)} times {old!r}, expected once")
        changed = changed.replace(old, new)
    path.write_text(changed, encoding="utf-8")
    # A bare interpreter finds the package by this path before any installed one.
    environment = {**os.environ, "PYTHONPATH": str(work), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/{edit.test}"]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    path.write_text(source, encoding="utf-8")
    if done.returncode not in (0, 1):
        raise SystemExit(f"{name}: the test could not run\n{done.stdout[-2000:]}")
    result = {0: "**passes**", 1: "fails"}[done.returncode]
    print(f"| {name} | {edit.says} | `{edit.test.rsplit('::', 1)[1]}` | {result} |", flush=True)
    return done.returncode == 1


if __name__ == "__main__":
    sys.exit(main())
