"""The real bert-score package around a real (tiny, random) model: our numbers against its own call."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.results import Output, Score
from evalharness.scorers.language_model import LanguageModel
from evalharness.scorers.registry import build_scorer, spec_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its plotting imports warn of their own future
    bert_score = pytest.importorskip("bert_score", reason="the extra 'bertscore' is not installed")
    import torch
    import transformers

VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"abcdefghijklmnopqrstuvwxyz",
    "the",
    "cat",
    "sat",
    "##s",
    "##ing",
    ".",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models") / "tiny-not5-bert"  # a path that bert-score would take for a T5
    made.mkdir()
    (made / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    torch.manual_seed(7)
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
    )
    transformers.BertModel(config).save_pretrained(made)
    transformers.BertTokenizer(str(made / "vocab.txt")).save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def package(folder: Path) -> Any:
    whole = folder.parent / "whole"  # the same files under a path that it reads as what they are
    whole.symlink_to(folder, target_is_directory=True)
    found = bert_score.BERTScorer(model_type=str(whole), num_layers=2, device="cpu")
    found._tokenizer.model_max_length = 16
    return found


def ours(folder: Path, use: str = "bertscore", **params: Any) -> Any:
    return build_scorer(spec_of({"use": use, "model": str(folder), **params}), root=folder.parent)


texts = st.lists(
    st.sampled_from([*"abz", "the", "cat", "cats", "sitting", ".", "?", "é"]), min_size=1, max_size=20
).map(" ".join)


@given(pairs=st.lists(st.tuples(texts, st.lists(texts, min_size=1, max_size=2)), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_parts_equal_the_packages_own_call(pairs: list[tuple[str, list[str]]], folder: Path, package: Any) -> None:
    # One pair a call: in a batch the padding of a shorter text counts as a token of cosine 0 there, and scores depend on
    # their neighbours where the best cosine of some token is below 0.
    expected = [
        [max(column) for column in zip(*(_alone(package, text, reference) for reference in refs), strict=True)]
        for text, refs in pairs
    ]
    given_ = [(Output(text=text), Case(id=f"c{n}", input="", target=refs)) for n, (text, refs) in enumerate(pairs)]
    for place, part in enumerate(("precision", "recall", "f1")):
        results = ours(folder, layers=2, part=part).score_many(given_)
        for result, values in zip(results, expected, strict=True):
            assert isinstance(result, Score)
            assert result.evidence[part] == pytest.approx(values[place], abs=2e-6)


def _alone(package: Any, text: str, reference: str) -> list[float]:
    return [part.item() for part in package.score([text], [reference])]


@pytest.mark.parametrize(("output", "target"), [("", "the cat"), (" ", "the cat"), ("the cat", ""), ("", "")])
def test_an_empty_text_is_zero_where_the_package_raises(output: str, target: str, folder: Path) -> None:
    result = ours(folder).score(Output(text=output), Case(id="c", input="", target=target))
    assert isinstance(result, Score)
    assert result.value == 0.0


def test_a_long_text_is_cut_to_what_the_model_reads(folder: Path) -> None:
    long = ours(folder).score(Output(text="the cat sat " * 200), Case(id="c", input="", target="the cat sat " * 300))
    assert isinstance(long, Score)
    assert long.value == pytest.approx(1.0, abs=1e-5)
    assert long.evidence["cut"] is True


def test_similar_is_the_cosine_of_mean_pooled_states(folder: Path) -> None:
    result = ours(folder, "similar").score(Output(text="the cat"), Case(id="c", input="", target="a cat sat"))
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    model = transformers.BertModel.from_pretrained(folder).eval()
    with torch.no_grad():
        states = [
            model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
            for text in ("the cat", "a cat sat")
        ]
    assert isinstance(result, Score)
    assert result.value == pytest.approx(max(0.0, float(torch.cosine_similarity(*states, dim=0))), abs=1e-5)


def test_a_batch_equals_single_texts(folder: Path) -> None:
    model = LanguageModel(folder, 2)
    some = ["the", "the cat sat . a b c", "z"]
    for together, alone in zip(
        model.token_vectors(some), (model.token_vectors([text])[0] for text in some), strict=True
    ):
        assert abs(together - alone).max() < 1e-5
