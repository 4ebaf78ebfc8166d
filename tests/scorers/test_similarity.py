"""BERTScore and cosine similarity around a stand-in model of words; the real package is in ``test_bert_model.py``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError, ExtraMissing
from evalharness.core.protocols import BatchScorer
from evalharness.core.results import Output, Score
from evalharness.scorers import language_model, vectors
from evalharness.scorers.language_model import LanguageModel, passes
from evalharness.scorers.registry import build_scorer, spec_of
from evalharness.scorers.vectors import VectorCache, cosine, greedy_match, make_room, normalised
from tests.scorers.scoring import refusal_of


def word_vector(word: str) -> list[float]:
    return [byte - 127.5 for byte in sha256(word.encode()).digest()[:8]]


class WordModel(LanguageModel):
    """Every word has a vector of its own, between two marks; texts end after six words."""

    asked: list[str]

    def token_vectors(self, texts: Sequence[str]) -> list[Any]:
        self.asked.extend(texts)
        made = []
        for text in texts:
            words = ["<", *text.split()[: self._longest - 2], ">"]
            weights = [0.0, *(1.0 for _ in words[2:]), 0.0]
            made.append(normalised([word_vector(word) for word in words], weights))
        return made

    def mean_vectors(self, texts: Sequence[str]) -> list[Any]:
        self.asked.extend(texts)
        return [normalised([np.mean([word_vector(w) for w in text.split()], axis=0)], [1.0]) for text in texts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(
        json.dumps({"model_type": "bert", "num_hidden_layers": 2, "max_position_embeddings": 8}), encoding="utf-8"
    )
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "vocab.txt").write_text("a\nb\n", encoding="utf-8")
    return made


@pytest.fixture
def model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> WordModel:
    made = WordModel(folder)
    made.asked = []
    monkeypatch.setattr(language_model, "_built", lambda _folder, _layers: made)
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "0.3.13")
    return made


def scorer(use: str, folder: Path, /, **params: Any) -> Any:
    return build_scorer(spec_of({"use": use, "model": str(folder), **params}), root=folder.parent)


def rated(use: str, folder: Path, output: str | None, target: Any, /, **params: Any) -> Score:
    result = scorer(use, folder, **params).score(Output(text=output), Case(id="c", input="", target=target))
    assert isinstance(result, Score), result
    return result


# --- the numbers ------------------------------------------------------------------------------------------------------

rows = st.lists(st.lists(st.integers(-4, 4).filter(bool), min_size=3, max_size=3), min_size=1, max_size=5)


@given(rows, rows, st.data())
def test_the_greedy_match_is_the_formula(ours: list[list[int]], theirs: list[list[int]], data: st.DataObject) -> None:
    weights = [
        data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=len(r), max_size=len(r))) for r in (ours, theirs)
    ]

    def cos(a: list[int], b: list[int]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))

    def mean(one: list[list[int]], other: list[list[int]], weight: list[float]) -> float:
        return sum(w * max(cos(a, b) for b in other) for a, w in zip(one, weight, strict=True)) / sum(weight)

    found = greedy_match(normalised(ours, weights[0]), normalised(theirs, weights[1]))
    if not all(map(sum, weights)):
        assert found == (0, 0, 0)
        return
    precision, recall = mean(ours, theirs, weights[0]), mean(theirs, ours, weights[1])
    assert found[:2] == pytest.approx((precision, recall), abs=1e-5)
    if abs(precision + recall) > 1e-3:
        assert found[2] == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-3)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 0], [1, 0], 1.0),
        ([1, 0], [0, 2], 0.0),
        ([1, 1], [1, 0], math.sqrt(0.5)),
        ([0, 0], [1, 0], 0.0),
        ([1.7976931348623157e308], [-1.7976931348623157e308], -1.0),
        ([5e-324, 0], [1, 0], 1.0),
        ([1, 2], [1, 2, 3], 0.0),
        ([float("nan")], [1], 0.0),
        ([], [], 0.0),
    ],
)
def test_cosine_is_finite_whatever_comes(one: list[float], other: list[float], expected: float) -> None:
    assert cosine(one, other) == pytest.approx(expected)


def test_bertscore_of_words(model: WordModel, folder: Path) -> None:
    same = rated("bertscore", folder, "a cat", "a cat")
    assert same.value == pytest.approx(1.0, abs=1e-6)
    assert same.signature.startswith("bertscore|layers:2|model:sha256.")
    assert same.signature.endswith("|part:f1|bert-score 0.3.13")
    part = {
        name: rated("bertscore", folder, "a cat", "a cat sat", part=name).value
        for name in ("precision", "recall", "f1")
    }
    assert part["precision"] == pytest.approx(1.0, abs=1e-6)
    assert part["recall"] < 1 - 1e-3
    assert part["f1"] == pytest.approx(2 * part["recall"] / (1 + part["recall"]), abs=1e-6)


def test_the_best_reference_counts(model: WordModel, folder: Path) -> None:
    for use in ("bertscore", "similar"):
        assert rated(use, folder, "a cat", ["dogs bark", "", "a cat"]).value == pytest.approx(1.0, abs=1e-6)
        assert rated(use, folder, "a cat", None, value=["a cat", "b"]).value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("use", ["bertscore", "similar"])
@pytest.mark.parametrize(("output", "target"), [("", "a"), (" \n", "a"), ("a", " "), ("", ""), (None, "a")])
def test_an_empty_text_is_zero_without_a_call(
    use: str, output: str | None, target: str, model: WordModel, folder: Path
) -> None:
    assert rated(use, folder, output, target).value == 0.0
    assert model.asked == []


def test_a_long_text_is_cut_and_says_so(model: WordModel, folder: Path) -> None:
    assert rated("bertscore", folder, "a b c d e f g h i", "a b").evidence["cut"] is True
    assert rated("bertscore", folder, "a b", "a b c d e f g").evidence["cut"] is True
    assert "cut" not in rated("bertscore", folder, "a b c d e", "a b").evidence


def test_below_zero_is_zero_and_counted(model: WordModel, folder: Path) -> None:
    pairs = [("w1", f"w{n}") for n in range(2, 20)]
    results = [rated("similar", folder, *pair) for pair in pairs]
    below = [result for result in results if "raw" in result.evidence]
    assert 0 < len(below) < len(results)
    assert all(result.value == 0.0 and result.evidence["raw"] < 0 for result in below)


# --- rescaling --------------------------------------------------------------------------------------------------------


def test_rescaling_takes_its_own_file(model: WordModel, folder: Path) -> None:
    plain = rated("bertscore", folder, "a cat", "a cat sat", part="recall")
    (folder.parent / "base.tsv").write_text("LAYER,P,R,F\n0,0,0,0\n2,0.3,0.5,0.4\n", encoding="utf-8")
    scaled = rated("bertscore", folder, "a cat", "a cat sat", part="recall", baseline="base.tsv")
    assert scaled.value == pytest.approx((plain.value - 0.5) / 0.5, abs=1e-9)
    (folder.parent / "high.tsv").write_text("2\t0.3\t0.99\t0.4", encoding="utf-8")
    low = rated("bertscore", folder, "a cat", "a cat sat", part="recall", baseline="high.tsv")
    assert (low.value, low.evidence["raw"] < 0) == (0.0, True)
    assert scaled.signature != plain.signature


@pytest.mark.parametrize("text", ["LAYER,P,R,F\n1,0,0,0\n", "2,1,0,0\n", "2,x,0,0\n", "2,nan,0,0\n", "2,0\n", None])
def test_a_baseline_that_does_not_fit_is_refused_never_ignored(
    text: str | None, model: WordModel, folder: Path
) -> None:
    if text is not None:
        (folder.parent / "base.tsv").write_text(text, encoding="utf-8")
    error = refusal_of("bertscore", root=folder.parent, model="model", baseline="base.tsv")
    assert ("2,P,R,F" if text else "a readable file") in error.message


@given(st.lists(st.integers(0, 9_000), max_size=80))
def test_a_pass_holds_texts_of_like_length(sizes: list[int]) -> None:
    made = list(passes(["x" * size for size in sizes]))
    assert sorted(place for places in made for place in places) == list(range(len(sizes)))
    assert [sizes[place] for places in made for place in places] == sorted(sizes)
    for places in made:
        assert 1 <= len(places) <= language_model.BATCH
        assert len(places) == 1 or len(places) * max(sizes[place] for place in places) <= language_model.PASS


# --- many at once, and again ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", ["bertscore", "similar"])
def test_a_batch_is_one_pass_and_equals_single_scores(use: str, model: WordModel, folder: Path) -> None:
    pairs = [
        (Output(text=text), Case(id=f"c{n}", input="", target=["a cat", "b"])) for n, text in enumerate(["a", "b", "a"])
    ]
    pairs += [(Output(text=""), pairs[0][1]), (Output(), pairs[0][1]), (Output(text="x"), Case(id="n", input=""))]
    batch = scorer(use, folder)
    assert isinstance(batch, BatchScorer)
    together = batch.score_many(pairs)
    assert sorted(model.asked) == ["a", "a cat", "b", "x"]
    assert together == [scorer(use, folder).score(*pair) for pair in pairs]


def test_vectors_are_kept_by_weights_and_text(model: WordModel, folder: Path) -> None:
    (folder.parent / ".evalh").mkdir()
    first = rated("bertscore", folder, "a cat", "the cat")
    asked = len(model.asked)
    assert rated("bertscore", folder, "a cat", "the cat") == first
    assert len(model.asked) == asked, "a second run computes nothing"
    rated("similar", folder, "a cat", "the cat")
    assert len(model.asked) == 2 * asked, "another kind of vector is another entry"
    model.identity = "other weights"
    rated("bertscore", folder, "a cat", "the cat")
    assert len(model.asked) == 3 * asked


def array(*rows: list[float]) -> Any:
    return normalised(rows, [1.0] * len(rows))


def test_without_a_state_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    VectorCache(tmp_path, "m", lambda texts: [array([1, 0]) for _ in texts]).of(["a"])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("EVALH_DIR", "state")
    VectorCache(tmp_path, "m", lambda texts: [array([1, 0]) for _ in texts]).of(["a"])
    assert len(list((tmp_path / "state" / vectors.FOLDER).glob("*/*.npy"))) == 1


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"no array at all"])
def test_a_damaged_file_is_made_again(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / ".evalh").mkdir()
    calls: list[Sequence[str]] = []

    def make(texts: Sequence[str]) -> list[Any]:
        calls.append(texts)
        return [array([1, 2]) for _ in texts]

    VectorCache(tmp_path, "m", make).of(["a", "a"])
    [path] = (tmp_path / ".evalh").rglob("*.npy")
    whole = path.read_bytes()
    path.write_bytes(damage)
    again = VectorCache(tmp_path, "m", make)
    assert again.of(["a"])["a"].tolist() == array([1, 2]).tolist()
    assert (calls, path.read_bytes()) == ([["a"], ["a"]], whole)
    np.save(path, np.zeros(3), allow_pickle=False)
    VectorCache(tmp_path, "m", make).of(["a"])
    assert len(calls) == 3


def test_a_disk_that_cannot_be_written_costs_no_score(tmp_path: Path) -> None:
    (tmp_path / ".evalh").mkdir()
    (tmp_path / ".evalh" / vectors.FOLDER).write_text("in the way", encoding="utf-8")
    cache = VectorCache(tmp_path, "m", lambda texts: [array([1, 2]) for _ in texts])
    assert cache.of(["a", "b"]).keys() == {"a", "b"}


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "MEMORY", 5 * array([1, 2]).nbytes)
    cache = VectorCache(tmp_path, "m", lambda texts: [array([1, 2]) for _ in texts])
    assert len(cache.of([str(n) for n in range(20)])) == 20
    assert len(cache._memory) == 5


def test_the_oldest_files_make_room(tmp_path: Path) -> None:
    import os

    for number in range(10):
        path = tmp_path / "aa" / str(number)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 10)
        os.utime(path, (number, number))
    make_room(tmp_path, 100)
    assert len(list((tmp_path / "aa").iterdir())) == 10
    make_room(tmp_path, 90)
    assert sorted(path.name for path in (tmp_path / "aa").iterdir()) == ["6", "7", "8", "9"]
    make_room(tmp_path / "not there", 1)


# --- the folder -------------------------------------------------------------------------------------------------------


def test_the_identity_is_the_files_not_the_path(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    first = LanguageModel(folder)
    assert LanguageModel(copy).identity == first.identity
    assert LanguageModel(copy, layers=1).identity != first.identity
    (copy / "README.md").write_text("notes", encoding="utf-8")
    assert LanguageModel(copy).weights == first.weights
    for name in ("model.safetensors", "vocab.txt", "config.json"):
        changed = tmp_path / f"changed {name}"
        shutil.copytree(folder, changed)
        path = changed / name
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        assert LanguageModel(changed).weights != first.weights


def test_the_weights_can_be_pinned(model: WordModel, folder: Path) -> None:
    digest = model.weights
    plain = scorer("bertscore", folder)
    for pin in (digest, f"sha256:{digest[:16]}"):
        assert scorer("bertscore", folder, weights=pin).signature == plain.signature
    for pin in ("sha256:0123456789abcdef", "sha256:", ""):
        with pytest.raises(ConfigError, match=digest[:16]):
            scorer("bertscore", folder, weights=pin)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "there is no config.json"),
        ("{}", "num_hidden_layers"),
        ("[]", "is no object"),
        ("{", "not JSON"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(config: str | None, words: str, folder: Path) -> None:
    path = folder / "config.json"
    path.unlink()
    if config is not None:
        path.write_text(config, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        LanguageModel(folder)


def test_only_safetensors_are_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="can hold code"):
        LanguageModel(folder)


def test_more_layers_than_there_are(folder: Path) -> None:
    with pytest.raises(ValueError, match="2 layers, not 3"):
        LanguageModel(folder, layers=3)


def test_letters_in_a_path_make_no_t5_model() -> None:
    folder = Path("/models/bert5")
    assert "t5" in str(folder)
    assert "t5" not in language_model._ModelPath(folder)
    assert "bert" in language_model._ModelPath(folder)


def test_what_a_table_must_say(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "0.3.13")
    assert "needs 'model'" in refusal_of("bertscore").message
    error = refusal_of("similar", root=folder.parent, model="gpt-4")
    assert "folder of a model" in error.message
    assert "never downloaded" in error.tip
    with pytest.raises(ConfigError, match="a case names no files"):
        build_scorer(spec_of({"use": "bertscore", "model": "model"}), root=folder.parent, from_data=True)


def test_without_the_package_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(ExtraMissing, match=r"evalharness\[bertscore\]"):
        scorer("bertscore", folder)
