"""Vectors of texts: kept by the weights that made them and the text, in memory and in the project's state folder.

A text's vectors are one array, float32 [tokens, dimensions + 1]: each row a token's vector of length 1 and, last, its
weight (0 for the marks that a tokenizer puts around a text). Losing the folder loses nothing but time.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

Array: TypeAlias = Any
"""A numpy array; the package is loaded when the first text is embedded."""

MEMORY: Final = 256 << 20
"""Bytes of vectors that are kept in memory."""

DISK: Final = 2 << 30
"""Bytes of vectors in the state folder above which the oldest half is deleted."""

FOLDER: Final = "vectors"

SLICE: Final = 256
"""Texts that are made ready together: enough to sort them by length, few enough to hold."""


class VectorCache:
    """Vectors by text, for one model.

    Args:
        root: The project's folder; vectors are written only where its state folder exists.
        identity: What made the vectors: weights, layer, longest text.
        make: Computes the vectors of texts that are not known yet.
    """

    def __init__(self, root: Path, identity: str, make: Callable[[Sequence[str]], Sequence[Array]]) -> None:
        self._state = root / os.environ.get("EVALH_DIR", ".evalh")
        self._identity = identity
        self._make = make
        self._memory: OrderedDict[str, Array] = OrderedDict()
        self._bytes = 0
        self._measured = False

    def of(self, texts: Sequence[str]) -> Mapping[str, Array]:
        """The vectors of some texts, by text; unknown ones are made in one go."""
        found: dict[str, Array] = {}
        for text in dict.fromkeys(texts):
            vectors = self._memory.get(text)
            if vectors is None:
                vectors = self._read(text)
            if vectors is not None:
                found[text] = vectors
                self._remember(text, vectors)
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        for text, vectors in zip(missing, self._make(missing) if missing else (), strict=True):
            found[text] = vectors
            self._remember(text, vectors)
            self._write(text, vectors)
        return found

    def fill(self, texts: Sequence[str]) -> None:
        """Make the vectors of many texts ready, as far as there is room to keep them."""
        wanted = list(dict.fromkeys(texts))
        for start in range(0, len(wanted), SLICE):
            if self._bytes > MEMORY // 2 and not self._state.is_dir():
                return
            self.of(wanted[start : start + SLICE])

    def _remember(self, text: str, vectors: Array) -> None:
        if text in self._memory:
            self._memory.move_to_end(text)
            return
        self._memory[text] = vectors
        self._bytes += vectors.nbytes
        while self._bytes > MEMORY and len(self._memory) > 1:
            self._bytes -= self._memory.popitem(last=False)[1].nbytes

    def _path(self, text: str) -> Path:
        name = sha256(f"{self._identity}\x1f{text}".encode("utf-8", "surrogatepass")).hexdigest()
        return self._state / FOLDER / name[:2] / f"{name}.npy"

    def _read(self, text: str) -> Array | None:
        import numpy as np

        try:
            vectors = np.load(self._path(text), allow_pickle=False)
        except (OSError, ValueError, EOFError):  # not there, or cut off while it was written: it is made again
            return None
        return vectors if vectors.dtype == np.float32 and vectors.ndim == 2 else None

    def _write(self, text: str, vectors: Array) -> None:
        import numpy as np

        if not self._state.is_dir():
            return
        path = self._path(text)
        if not self._measured:
            self._measured = True
            make_room(self._state / FOLDER, DISK)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(f".{os.getpid()}")
            with unfinished.open("wb") as stream:
                np.save(stream, vectors, allow_pickle=False)
            unfinished.replace(path)
        except OSError:  # a full or read-only disk costs time, not scores
            self._state = self._state / "nowhere"


def make_room(folder: Path, limit: int) -> None:
    """Delete the oldest files of a folder when they hold more than ``limit`` bytes, until half of it is left."""
    files = sorted((s.st_mtime, s.st_size, path) for path in folder.glob("*/*") if (s := path.stat()))
    total = sum(size for _, size, _ in files)
    if total <= limit:
        return
    for _, size, path in files:
        path.unlink(missing_ok=True)
        total -= size
        if total <= limit // 2:
            return


def normalised(vectors: Array, weights: Sequence[float]) -> Array:
    """Rows of length 1 with their weights behind them, float32."""
    import numpy as np

    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return np.hstack([rows / lengths, np.asarray(weights, dtype=np.float32)[:, None]])


def greedy_match(candidate: Array, reference: Array) -> tuple[float, float, float]:
    """BERTScore's precision, recall and F1 of two texts' token vectors (Zhang et al. 2020, section 3).

    Each token is matched with the token of the other text that is nearest by cosine, marks included; the means are
    weighted. 0 for a text whose weights are all 0.
    """
    ours, theirs = candidate[:, -1], reference[:, -1]
    if not ours.any() or not theirs.any():
        return 0.0, 0.0, 0.0
    similarity = candidate[:, :-1] @ reference[:, :-1].T
    precision = float(similarity.max(axis=1) @ ours / ours.sum())
    recall = float(similarity.max(axis=0) @ theirs / theirs.sum())
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def cosine(one: Array, other: Array) -> float:
    """Cosine of two vectors, 0 when one of them has no length or is not finite; computed in float64, scaled first."""
    import numpy as np

    pair = [np.asarray(vector, dtype=np.float64).ravel() for vector in (one, other)]
    if pair[0].shape != pair[1].shape or not all(np.isfinite(vector).all() for vector in pair):
        return 0.0
    sizes = [float(np.abs(vector).max(initial=0.0)) for vector in pair]
    if not all(sizes):
        return 0.0
    a, b = (vector / size for vector, size in zip(pair, sizes, strict=True))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))
