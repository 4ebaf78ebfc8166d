"""What a reader must know before believing a verdict: pure functions of cases, arms and counts.

None of these changes an outcome. Each names a way in which the stated error rates may not hold, and what to do.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import Any, Final
from zlib import crc32

from evalharness.core.cases import Case
from evalharness.core.verdicts import Warned
from evalharness.stats.hard import hard_checks_block_rate
from evalharness.verdict.baseline import Baseline
from evalharness.verdict.hard import HardCheck
from evalharness.verdict.pairing import Unit

HEAVY: Final = 5.0
"""Times the mean weight above which one unit makes the whole gate weak (gate-exact.md B15)."""
MANY_LOOKS: Final = 10
"""Looks at one holdout from which candidates may have been fitted to it."""
_STEM: Final = re.compile(r"(.+)[-_.][A-Za-z]{0,8}\d+")
"""An id that ends in a number of its own, as questions about one document or turns of one conversation do."""
_SMALL_GROUP: Final = 10
"""Groups of ids larger than this are categories, not clusters."""
_LEAST_GROUPS: Final = 3
_SHARE_IN_GROUPS: Final = 0.3
_WORDS: Final = re.compile(r"\w+")
_SHINGLE: Final = 3
_MOST_CASES: Final = 20_000
"""Above so many cases inputs are not compared: it would take longer than the verdict."""
_MOST_WORDS: Final = 200
_COMMON: Final = 0.05
"""Word triples in more than this share of the inputs (at least 5) are boilerplate, and say nothing about likeness."""
_ALIKE: Final = 0.8
"""Jaccard likeness of the word triples from which two inputs are near-duplicates."""
_DUPLICATE_SHARE: Final = 0.02
_COMPARED: Final = 8
"""Members of a bucket that an input is compared with."""


def about_cases(cases: Sequence[Case]) -> tuple[Warned, ...]:
    """Warnings about units that only look independent: ids that share a stem, inputs that are nearly the same.

    Undeclared clusters break every error rate: 5 cases of each document, taken as independent, passed a drop of the
    margin in 37 % of runs instead of 5 (gate.md table 3f).
    """
    return (*_shared_stems(cases), *_near_duplicates(cases))


def _shared_stems(cases: Sequence[Case]) -> Iterator[Warned]:
    stems = Counter(found[1] for case in cases if case.unit == case.id and (found := _STEM.fullmatch(case.id)))
    groups = {stem: count for stem, count in stems.items() if count > 1}
    if len(groups) < _LEAST_GROUPS or sum(groups.values()) < _SHARE_IN_GROUPS * len(cases):
        return
    if median(groups.values()) <= _SMALL_GROUP:
        examples = ", ".join(sorted(groups)[:3])
        yield Warned(
            code="clusters",
            message=f"ids share {len(groups)} stems ({examples}, ...), as cases of one document or conversation do; if they "
            'belong together, give them a cluster ("cluster": "..."): else the error rates do not hold',
        )


def _near_duplicates(cases: Sequence[Case]) -> Iterator[Warned]:
    if not 1 < len(cases) <= _MOST_CASES:
        return
    pairs = list(_alike(cases))
    touched = {case_id for pair in pairs for case_id in pair}
    if len(touched) > max(2.0, _DUPLICATE_SHARE * len(cases)):
        first, second = pairs[0]
        yield Warned(
            code="near_duplicates",
            message=f"{len(touched)} of {len(cases)} inputs are nearly the same as another, for example {first} and {second}; "
            "near-duplicates are one unit: give them a cluster, or keep one of them",
        )


def _alike(cases: Sequence[Case]) -> Iterator[tuple[str, str]]:
    """Pairs of cases of different units whose inputs are nearly the same (most of them, by one minimum hash)."""
    shingles = [_shingles(case.prompt_text) for case in cases]
    often = Counter(shingle for some in shingles for shingle in some)
    common = max(5.0, _COMMON * len(cases))
    buckets: dict[int, list[int]] = defaultdict(list)
    for place, some in enumerate(shingles):
        own = frozenset(shingle for shingle in some if often[shingle] <= common)
        shingles[place] = own
        if not own:
            continue
        bucket = buckets[min(own)]
        for other in bucket[:_COMPARED]:
            likeness = len(own & shingles[other]) / len(own | shingles[other])
            if likeness >= _ALIKE and cases[place].unit != cases[other].unit:
                yield cases[other].id, cases[place].id
                break
        bucket.append(place)


def _shingles(text: str) -> frozenset[int]:
    """Hashes of the word triples of a text; numbers are alike, for a template differs in them."""
    words = ["0" if word.isdigit() else word for word in _WORDS.findall(text.casefold())[:_MOST_WORDS]]
    triples = zip(*(words[start:] for start in range(_SHINGLE)), strict=False)
    return frozenset(crc32(" ".join(triple).encode()) for triple in triples)


def about_weights(units: Sequence[Unit]) -> tuple[Warned, ...]:
    """A warning when one unit outweighs the others so far that the gate can hardly tell anything."""
    if len(units) < 2:
        return ()
    heaviest = max(units, key=lambda unit: unit.weight)
    times = heaviest.weight / fmean(unit.weight for unit in units)
    if times <= HEAVY:
        return ()
    message = (
        f"{heaviest.name} weighs {times:.1f} times as much as the mean unit: the gate is as weak as with "
        f"{len(units) / times:.0f} even units; split it or cap it in the eval set"
    )
    return (Warned(code="heavy_unit", message=message),)


def about_seeds(arms: Mapping[str, Mapping[str, Any]]) -> tuple[Warned, ...]:
    """A warning when an arm sends the same seed with every case: the noise of its answers is then shared.

    Args:
        arms: Name of the arm -> its candidate's description (``extra`` holds what the body adds).
    """
    fixed = [name for name, facts in arms.items() if _fixed_seed(facts)]
    if not fixed:
        return ()
    message = f"{' and '.join(fixed)}: one seed for all cases; answers then share their luck, and are not independent"
    return (Warned(code="one_seed", message=message),)


def _fixed_seed(facts: Mapping[str, Any]) -> bool:
    def places(value: object) -> Iterator[Mapping[str, Any]]:
        if isinstance(value, Mapping):
            yield value
            for key in ("extra", "body", "options", "params", "http"):
                yield from places(value.get(key))

    # The top level's own ``seed`` is what this package derives a seed per answer from; everything below is sent as it is.
    inner = [place for place in places(facts) if place is not facts]
    return any(isinstance(place.get("seed"), int) and not isinstance(place.get("seed"), bool) for place in inner)


def about_baseline(baseline: Baseline) -> tuple[Warned, ...]:
    """A warning when the baseline was picked among several runs of the same candidate."""
    if baseline.chosen_among < 2:
        return ()
    message = (
        f"the baseline was picked among {baseline.chosen_among} stored runs of the same candidate: the best of five "
        "blocks an unchanged candidate three times as often as stated; promote GATE makes a run of its own"
    )
    return (Warned(code="picked_baseline", message=message),)


def about_looks(looks: int) -> tuple[Warned, ...]:
    """A warning when the same holdout has been looked at many times against one baseline."""
    if looks < MANY_LOOKS:
        return ()
    message = (
        f"look {looks} at these cases against this baseline: what was changed to please them says little about others; "
        "keep reserve cases for the decision that counts"
    )
    return (Warned(code="many_looks", message=message),)


def hard_check_notes(
    checks: Iterable[HardCheck], guarded: Callable[[HardCheck], int], *, stored: int, alpha_block: float
) -> tuple[str, ...]:
    """What hard checks add to the chance of blocking an unchanged candidate, worst over every flake rate (B5).

    Args:
        checks: The hard checks of a gate.
        guarded: How many cases a check guards: those whose stored answers all passed.
        stored: Stored answers per case.
        alpha_block: What guards may spend.
    """
    notes = []
    for check in checks:
        cases = 0 if check.absolute or check.recorded else guarded(check)
        if cases:
            worst = hard_checks_block_rate(cases, check.attempts, stored)
            notes.append(
                f"{check.limit.scorer}: {cases} cases must hold in one of {check.attempts} attempts; should answers vary, this "
                f"blocks an unchanged candidate with a chance of at most {worst:.2%} on top of {alpha_block:.1%} (none if they "
                f"do not vary; more stored epochs bring it down: {stored} now)"
            )
    return tuple(notes)
