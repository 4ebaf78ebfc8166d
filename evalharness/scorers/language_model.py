"""A local language model that turns texts into token vectors: a folder of weights, read through the bert-score package.

This is the one file that knows the package (and, through it, torch and transformers). Nothing is ever downloaded. The
model is what its files hash to: its path enters no signature.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from evalharness.core import strictjson
from evalharness.core.errors import ExtraMissing
from evalharness.scorers.parameters import Params
from evalharness.scorers.vectors import Array, normalised

BATCH: Final = 32
"""Texts in one pass at most."""

PASS: Final = 5_000
"""Characters in one pass, each text counted as the longest, but for a single text: what a pass works on then stays in a
processor's caches (a twentieth faster than 32 texts of 200 tokens), and little of it is padding."""

LONGEST: Final = 512
"""Tokens of a text that are read at most; what a model itself can read may be less."""

_FILES: Final = (
    "*.safetensors",
    "config.json",
    "tokenizer*.json",
    "vocab.*",
    "merges.txt",
    "special_tokens_map.json",
    "*.model",
)


class LanguageModel:
    """A model in a folder. Building it reads the files once; weights are loaded when the first text is embedded.

    Args:
        folder: Folder with ``config.json``, safetensors weights and tokenizer files.
        layers: Layers to use, 1 ..; None: all.

    Raises:
        ValueError: If the folder has no such files, or fewer layers; the message says what is missing.
    """

    def __init__(self, folder: Path, layers: int | None = None) -> None:
        self._folder = folder
        self._config = _config(folder)
        most = self._config.get("num_hidden_layers", self._config.get("n_layers"))
        if not isinstance(most, int):
            raise ValueError("config.json has no num_hidden_layers")  # noqa: TRY004 - the file's value is wrong
        if layers is not None and layers > most:
            raise ValueError(f"the model has {most} layers, not {layers}")
        self.layers = layers or most
        self.weights = _digest(folder)
        self.identity = f"{self.weights}\x1f{self.layers}\x1f{LONGEST}"

    def token_vectors(self, texts: Sequence[str]) -> list[Array]:
        """Vectors of the tokens of each text, at the chosen layer, with their weights (``vectors.py``)."""
        return self._in_batches(texts, pool=False)

    def mean_vectors(self, texts: Sequence[str]) -> list[Array]:
        """One vector for each text: the mean over its tokens, marks included, as sentence-transformers' mean pooling."""
        return self._in_batches(texts, pool=True)

    def is_full(self, vectors: Array) -> bool:
        """Whether token vectors reach the longest text that is read, so that a text may have been cut."""
        return len(vectors) >= self._longest

    def _in_batches(self, texts: Sequence[str], *, pool: bool) -> list[Array]:
        import bert_score.utils as package

        tokenizer, model = self._loaded
        weights = _Weights({tokenizer.sep_token_id: 0.0, tokenizer.cls_token_id: 0.0})
        made: list[Array] = [None] * len(texts)
        for places in passes(texts):
            states, mask, idf = package.get_bert_embedding(
                [texts[place] for place in places], model, tokenizer, weights, device="cpu"
            )
            for row, place in enumerate(places):
                size = int(mask[row].sum())
                tokens = states[row, :size]
                if pool:
                    made[place] = normalised(tokens.mean(dim=0, keepdim=True).numpy(), [1.0])
                else:
                    made[place] = normalised(tokens.numpy(), idf[row, :size].tolist())
        return made

    @cached_property
    def _longest(self) -> int:
        places = self._config.get("max_position_embeddings", self._config.get("n_positions", LONGEST))
        if self._config.get("model_type") in ("roberta", "xlm-roberta", "camembert"):
            places -= 2  # their first two positions are no tokens
        return min(int(places), LONGEST)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        import warnings

        # Read when the packages below are imported: a folder is all that is ever read, and nothing is drawn.
        os.environ["HF_HUB_OFFLINE"] = os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its plotting and data-frame imports warn of their own future
            import bert_score.utils as package

            tokenizer = package.get_tokenizer(str(self._folder))
            is_t5 = "t5" in str(self._config.get("model_type"))
            model = package.get_model((str if is_t5 else _ModelPath)(self._folder), self.layers)
        tokenizer.model_max_length = min(tokenizer.model_max_length, self._longest)
        return tokenizer, model


def passes(texts: Sequence[str]) -> Iterator[list[int]]:
    """Places of the texts that go through a model together: of like length, at most ``BATCH``, about ``PASS`` characters."""
    places: list[int] = []
    for place in sorted(range(len(texts)), key=lambda place: len(texts[place])):
        if len(places) == BATCH or (places and (len(places) + 1) * len(texts[place]) > PASS):
            yield places
            places = []
        places.append(place)
    if places:
        yield places


class _ModelPath(str):
    """A path without "t5" in it, whatever its letters: bert-score takes any path that has them for a T5 model."""

    __slots__ = ()

    def __contains__(self, part: object) -> bool:
        return part != "t5" and isinstance(part, str) and super().__contains__(part)


class _Weights(dict[int, float]):
    """Weight of a token: 1 but for the marks, which bert-score weighs 0."""

    def __missing__(self, token: int) -> float:
        return 1.0


def model_of(params: Params) -> LanguageModel:
    """The model that a table names: ``model``, a folder, ``layers``, and ``weights``, what the folder must hash to.

    Raises:
        ConfigError: If the folder is no model, or another one than ``weights`` says.
        ExtraMissing: If bert-score is not installed.
    """
    name = params.text("model")
    layers = params.optional_integer("layers", low=1)
    pinned = params.optional_text("weights")
    if params.from_data:
        params.refuse("model", "no model: a case names no files", name)
    package_version()
    try:
        model = _built(params.root / name, layers)
    except (ValueError, OSError) as error:
        params.refuse("model", "the folder of a model in Hugging Face's layout", name, tip=str(error))
    if pinned is not None and (len(pinned) < 12 or not model.weights.startswith(pinned.removeprefix("sha256:"))):
        params.refuse("weights", f"sha256:{model.weights[:16]}, which is what the files are", pinned)
    params.note("model", f"sha256.{model.weights[:16]}")
    params.note("weights", None)
    params.note("layers", model.layers)
    return model


def package_version() -> str:
    """Package and version that reads the model.

    Raises:
        ExtraMissing: If it is not installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"bert-score {version('bert-score')}"
    except PackageNotFoundError:
        raise ExtraMissing("a local language model", "bertscore") from None


@lru_cache(maxsize=8)
def _built(folder: Path, layers: int | None) -> LanguageModel:
    """Scorers of one config share a model, and its memory."""
    return LanguageModel(folder, layers)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(f"there is no {path.name} in it; models are never downloaded, name a folder")
    if not list(folder.glob("*.safetensors")):
        raise ValueError("there are no *.safetensors in it; other formats can hold code and are not read")
    config = strictjson.loads(path.read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise ValueError("config.json is no object")  # noqa: TRY004 - the file's value is wrong
    return config


def _digest(folder: Path) -> str:
    """SHA-256 over the files that decide the vectors, by name and content."""
    whole = sha256()
    for path in sorted({path for pattern in _FILES for path in folder.glob(pattern)}):
        part = sha256()
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                part.update(block)
        whole.update(f"{path.name}\x1f{part.hexdigest()}\n".encode())
    return whole.hexdigest()
