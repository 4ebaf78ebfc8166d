"""BLEU, chrF and TER against sacrebleu's own calls, case by case and summed over a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import CorpusScorer
from evalharness.core.results import Failure, Output, Score, Unscored
from evalharness.scorers import translation
from evalharness.scorers.registry import build_scorer, score, spec_of

few = st.sampled_from(["the", "cat", "Cat", "sat", "on", "mat", ".", ",", "(hi)", "12,5", "don't", "中文", "&amp;"])
texts = st.lists(few, max_size=12).map(" ".join) | st.text(max_size=20)
rows = st.lists(st.tuples(texts, st.lists(texts, min_size=1, max_size=3)), min_size=1, max_size=5)

TABLES: list[tuple[dict[str, Any], Any]] = [
    ({"use": "bleu"}, sacrebleu.BLEU(effective_order=True)),
    ({"use": "bleu", "lowercase": True, "tokenize": "intl"}, sacrebleu.BLEU(effective_order=True, lowercase=True, tokenize="intl")),
    ({"use": "bleu", "tokenize": "zh", "smooth_method": "floor"}, sacrebleu.BLEU(effective_order=True, tokenize="zh", smooth_method="floor")),
    ({"use": "bleu", "tokenize": "char", "smooth_method": "add-k"}, sacrebleu.BLEU(effective_order=True, tokenize="char", smooth_method="add-k")),
    ({"use": "bleu", "effective_order": False, "tokenize": "none", "smooth_method": "none"}, sacrebleu.BLEU(tokenize="none", smooth_method="none")),
    ({"use": "chrf"}, sacrebleu.CHRF()),
    ({"use": "chrf", "word_order": 2, "char_order": 4, "beta": 1}, sacrebleu.CHRF(word_order=2, char_order=4, beta=1)),
    ({"use": "ter"}, sacrebleu.TER()),
    ({"use": "ter", "normalized": True, "no_punct": True, "asian_support": True, "case_sensitive": True}, sacrebleu.TER(normalized=True, no_punct=True, asian_support=True, case_sensitive=True)),
]  # fmt: skip
tables = pytest.mark.parametrize(
    ("table", "oracle"), TABLES, ids=[str(i) + t["use"] for i, (t, _) in enumerate(TABLES)]
)


def built(table: dict[str, Any]) -> Any:
    return build_scorer(spec_of(table), root=Path())


@tables
@given(rows=rows)
@settings(max_examples=60, deadline=None)
def test_cases_and_corpus_equal_sacrebleu(
    table: dict[str, Any], oracle: Any, rows: list[tuple[str, list[str]]]
) -> None:
    case_scorer, corpus_scorer = built(table), built({**table, "level": "corpus"})
    totals: list[float] = []
    for output, references in rows:
        case = Case(id="c", input="", target=references)
        result = case_scorer.score(Output(text=output), case)
        expected = oracle._aggregate_and_compute(
            oracle._extract_corpus_statistics([output], [[reference] for reference in references])
        ).score
        assert result.value == pytest.approx(expected / 100, abs=1e-12)
        assert result.value <= case_scorer.high
        stats = corpus_scorer.score(Output(text=output), case).evidence["stats"]
        assert stats == result.evidence["stats"]
        totals = [a + b for a, b in zip(totals, stats, strict=True)] if totals else list(stats)
    most = max(len(references) for _, references in rows)
    streams = [[refs[i] if i < len(refs) else None for _, refs in rows] for i in range(most)]
    expected = oracle.corpus_score([output for output, _ in rows], streams).score
    assert corpus_scorer.aggregate(totals) == pytest.approx(expected / 100, abs=1e-12)


REAL = (
    ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."],
    [
        ["The dog bit the man.", "The dog had bit the man."],
        ["It was not unexpected.", "No one was surprised."],
        ["The man bit him first.", "The man had bitten the dog."],
    ],
)


@tables
def test_sentences_equal_the_public_calls(table: dict[str, Any], oracle: Any) -> None:
    for output, references in zip(*REAL, strict=True):
        result = score(table, output=output, case={"target": references})
        assert isinstance(result, Score)
        assert result.value == pytest.approx(oracle.sentence_score(output, references).score / 100, abs=1e-12)


def test_public_corpus_call_equals_the_documented_example() -> None:
    scorer = built({"use": "bleu", "level": "corpus", "effective_order": False})
    stats = [
        scorer.score(Output(text=o), Case(id="c", input="", target=r)).evidence["stats"]
        for o, r in zip(*REAL, strict=True)
    ]
    value = scorer.aggregate([sum(column) for column in zip(*stats, strict=True)])
    assert value == pytest.approx(0.4853, abs=5e-5)  # 48.53 in sacrebleu's README


@pytest.mark.parametrize("use", ["bleu", "chrf"])
def test_identity_is_exactly_one(use: str) -> None:
    text = "The quick brown fox jumps over the lazy dog, twice."
    result = score({"use": use}, output=text, case={"target": text})
    assert isinstance(result, Score)
    assert result.value == 1.0
    scorer = built({"use": use, "level": "corpus"})
    assert scorer.aggregate(result.evidence["stats"]) == 1.0


def test_statistics_have_the_documented_length() -> None:
    for table, length in (
        ({"use": "bleu"}, 10),
        ({"use": "chrf"}, 18),
        ({"use": "chrf", "word_order": 2}, 24),
        ({"use": "ter"}, 2),
    ):
        result = score(table, output="a b c", case={"target": "a b"})
        assert isinstance(result, Score)
        assert len(result.evidence["stats"]) == length


def test_one_word_answers_need_effective_order() -> None:
    assert score({"use": "bleu"}, output="Paris", case={"target": "Paris"}).value == 1.0  # type: ignore[union-attr]
    assert score({"use": "bleu", "effective_order": False}, output="Paris", case={"target": "Paris"}).value == 0.0  # type: ignore[union-attr]


def test_ter_counts_down_and_may_pass_one() -> None:
    scorer = built({"use": "ter"})
    assert (scorer.direction, scorer.high) == ("lower", float("inf"))
    case = Case(id="c", input="", target="a b")
    assert scorer.score(Output(text="x y z w u"), case).value == 2.5
    assert scorer.score(Output(text=""), Case(id="c", input="", target="")).value == 0.0
    assert scorer.score(Output(text="x"), Case(id="c", input="", target="")).value == 1.0
    silent = scorer.score(Output(documents=("d",)), case)
    assert isinstance(silent, Failure)
    assert silent.blame == "candidate"


def test_ter_refuses_an_output_that_would_take_minutes() -> None:
    result = score({"use": "ter"}, output="a b " * 501, case={"target": "a"})
    assert isinstance(result, Failure)
    assert (result.kind, result.blame) == ("too_long", "candidate")


def test_ter_gives_up_on_a_search_by_its_work_not_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"w{n}" for n in range(12)]
    turned = " ".join(reversed(words))
    whole = score({"use": "ter"}, output=turned, case={"target": " ".join(words)})
    assert isinstance(whole, Score)
    assert whole.value == pytest.approx(sacrebleu.TER().sentence_score(turned, [" ".join(words)]).score / 100)
    monkeypatch.setattr(translation, "MOST_TER_ROWS", 100)
    for level in ("case", "corpus"):
        stopped = score({"use": "ter", "level": level}, output=turned, case={"target": " ".join(words)})
        assert isinstance(stopped, Failure)
        assert (stopped.kind, stopped.blame) == ("too_long", "candidate")
    assert isinstance(score({"use": "ter"}, output="w0 w1", case={"target": "w0 w1"}), Score)


@pytest.mark.parametrize("use", ["bleu", "chrf", "ter"])
def test_without_text_the_corpus_still_gets_statistics(use: str) -> None:
    case = Case(id="c", input="", target="a b c")
    scorer = built({"use": use, "level": "corpus"})
    silent, empty = scorer.score(Output(documents=("d",)), case), scorer.score(Output(text=""), case)
    assert silent.evidence["stats"] == empty.evidence["stats"]


def test_level_decides_whether_there_is_an_aggregate() -> None:
    assert isinstance(built({"use": "bleu", "level": "corpus"}), CorpusScorer)
    assert not isinstance(built({"use": "bleu"}), CorpusScorer)


def test_facts() -> None:
    assert isinstance(score({"use": "chrf"}, output="a", case={}), Unscored)
    signature = built({"use": "bleu"}).signature
    assert signature.endswith(f"|sacrebleu {sacrebleu.__version__}")
    assert "effective_order:true" in signature
    assert "tokenize:13a" in signature


def test_chrf_of_unlike_texts_is_not_zero() -> None:
    result = score({"use": "chrf"}, output="hello world", case={"target": "foo bar"})
    assert isinstance(result, Score)
    assert result.value == pytest.approx(0.0735, abs=5e-5)


@pytest.mark.parametrize(
    "table",
    [
        {"use": "bleu", "tokenize": "flores200"},
        {"use": "bleu", "smooth_method": "mteval"},
        {"use": "bleu", "level": "document"},
        {"use": "chrf", "char_order": 0},
        {"use": "chrf", "beta": 0},
        {"use": "ter", "not": True},
        {"use": "ter", "lowercase": True},
    ],
)
def test_wrong_parameters_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        built(table)
