from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.core.results import Failure, Score
from evalharness.scorers import effort, patterns
from evalharness.scorers.effort import safe_length
from evalharness.scorers.patterns import Pattern, translated
from tests.scorers.scoring import passes, refusal_of, result_of


@pytest.mark.parametrize(
    ("pattern", "output", "expected"),
    [
        (r"\d{3}-\d{4}", "call 555-1234", True),
        (r"^\d+$", "123\n", False),
        (r"(?m)^\d+$", "123\n", True),
        (r"^\d+$", "\u0661\u0662", False),
        (r"[\d]+", "\u0661\u0662", False),
        (r"\D", "\u0661", True),
        (r"(?<year>\d{4})", "in 1999", True),
        (r"(?<=a)b(?<!c)", "ab", True),
        (r"[$]$", "5$", True),
        (r"[]$]$", "]", True),
        (r"[^]$]", "x", True),
        (r"\$5\b", "$5", True),
        (r"\w+", "\u00e9t\u00e9", True),
        (r"[[]", "[", True),
        (r"\\d", r"\d", True),
    ],
)
def test_regex_and_absent(pattern: str, output: str, expected: bool) -> None:
    assert passes("regex", output, pattern=pattern) is expected
    assert passes("absent", output, pattern=pattern) is not expected


def test_flags() -> None:
    assert passes("regex", "YES", pattern="yes") is False
    assert passes("regex", "YES", pattern="yes", flags="i") is True
    assert passes("regex", "a\nb$", pattern="a$", flags="m") is True
    assert passes("regex", "ab", pattern="a # first\n b", flags="x") is True
    assert "letters of i m s x a" in refusal_of("regex", pattern="a", flags="q").message


def test_the_reason_shows_pattern_and_match() -> None:
    result = result_of("absent", "card 4111111111111111 ok", pattern="[0-9]{13,16}")
    assert isinstance(result, Score)
    assert result.reason == "'[0-9]{13,16}' matches '4111111111111111'"
    assert result.evidence["span"] == (5, 21)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(", "not a pattern"), ("(?P<a", "not a pattern"), ("a" * 5_001, "at most 5000"), ("(" * 4_000, "not a pattern")],
)
def test_no_pattern_is_refused_when_built(pattern: str, words: str) -> None:
    assert words in refusal_of("regex", pattern=pattern).tip


SAFE = [r"\d{3}-\d{2}", r"\b(yes|no)\b", r"[0-9]{13,16}", r"a?b", r"(?=a)b", r"^refund", r"\bcats?\b"]
UNSAFE = [r"(a+)+$", r"(a|a)*b", r"(a|aa)+$", r"^(\w+\s?)*$", r"(\w+)\1", r"(.*)*x", r"(x+x+)+y", r"(?P<q>a)(?(q)b|c)"]


@pytest.mark.parametrize("pattern", SAFE)
def test_simple_patterns_stay_in_this_process(pattern: str) -> None:
    assert safe_length(translated(pattern)) >= 10_000


@pytest.mark.parametrize("pattern", UNSAFE)
def test_explosive_patterns_do_not(pattern: str) -> None:
    assert safe_length(translated(pattern)) < 40


def test_quadratic_patterns_stay_for_short_texts_only() -> None:
    assert 500 <= safe_length(r"\s+\Z") < 10_000
    assert 500 <= safe_length(r".*foo") < 10_000
    assert safe_length(r".*a.*b.*c") < 200


def test_without_the_interpreters_parser_everything_goes_to_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(effort, "import_module", gone)
    assert safe_length("never parsed before") == -1


ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "a*", "a+?", "b{0,3}", "(?:ab)*", "(?:a|b)", "(?:a|ab){0,2}", "a?", r"\b"]
)


@settings(deadline=None)
@given(st.lists(ATOMS, min_size=1, max_size=4), st.text(alphabet="ab", max_size=8))
def test_the_count_is_never_below_the_ways_that_there_are(atoms: list[str], text: str) -> None:
    """Against a brute-force matcher that lists every way in which the atoms can share out the text."""
    tree = re._parser.parse("".join(atoms))  # type: ignore[attr-defined]
    _, bound = effort._steps_and_ways(tree, max(len(text), 1))
    ends = {0: 1}
    for atom in atoms:
        following: dict[int, int] = {}
        for start, ways in ends.items():
            for end in range(start, len(text) + 1):
                if re.compile(atom).fullmatch(text, start, end):
                    following[end] = following.get(end, 0) + ways
        ends = following
    assert sum(ends.values()) <= bound


REDOS = [
    (r"(a+)+$", "a" * 40 + "b"),
    (r"(a|aa)+$", "a" * 60 + "b"),
    (r"^(\w+\s?)*$", "word " * 20 + "!"),
    (r"(x+x+)+y", "x" * 60),
    (r"(.*)*x", "a" * 60),
]


@pytest.mark.parametrize(("pattern", "text"), REDOS[:2])
def test_a_hanging_pattern_is_the_candidates_failure_and_the_next_case_is_unharmed(pattern: str, text: str) -> None:
    result = result_of("regex", text, pattern=pattern)
    assert isinstance(result, Failure)
    assert (result.kind, result.blame, result.stage) == ("timeout", "candidate", "scorer")
    assert passes("regex", "aaa", pattern=pattern) is True


def test_worker_and_process_agree() -> None:
    for pattern, text in [(r"(a+)+$", "baaa"), (r"(a|aa)+$", "xa"), (r"(\w)\1", "hello"), (r"(\w)\1", "help")]:
        plain = re.search(translated(pattern), text)
        assert Pattern(pattern).search(text) == (None if plain is None else plain.span())


def test_short_safe_texts_never_ask_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*args: Any) -> None:
        raise AssertionError(args)

    monkeypatch.setattr(patterns.sandbox, "call", asked)
    assert Pattern(r"\d+ days").search("in 14 days") == (3, 10)
    with pytest.raises(AssertionError):
        Pattern(r"(\d+)+ days").search("in 14 days")
