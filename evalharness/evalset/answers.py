"""Recorded answers and corpora: files that another system wrote, read as strictly as eval sets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.core.results import Document, Failure, Output
from evalharness.evalset.fields import check_amount, check_id, check_object, check_word, is_number, unknown_field
from evalharness.evalset.lines import FieldError, scan_objects, seen

AnswerKey: TypeAlias = tuple[str, int, int]
"""(case id, epoch from 0, attempt from 0)."""


def read_answers(path: str | os.PathLike[str]) -> Iterator[tuple[AnswerKey, Output | Failure]]:
    """Recorded answers in file order, one at a time.

    A line is ``{"id", "output"}`` with optional ``documents``, ``messages``, ``usage``, ``latency_s``, ``cost_usd``,
    ``finish_reason``, ``model``, ``error``, ``epoch`` (0) and ``attempt`` (0); null means unknown. An ``output`` that
    is an object or a list is kept as JSON text; without ``output`` the answer is the last of the ``messages``, where the assistant
    said it. A line with ``error`` is a ``Failure`` of the infrastructure.

    Args:
        path: JSONL file.

    Raises:
        EvalSetError: At the first fault, with file, line and field.
    """
    lines: dict[AnswerKey, int] = {}
    for line, key, answer in _scan(os.fspath(path)):
        if lines.setdefault(key, line) != line:
            raise _twice(key, lines[key]).at(os.fspath(path), line)
        yield key, answer


def load_answers(path: str | os.PathLike[str]) -> Mapping[AnswerKey, Output | Failure]:
    """All recorded answers of a file by (case id, epoch, attempt), read-only.

    Raises:
        EvalSetError: If a line is wrong, a key is there twice, or the file is empty.
    """
    name = os.fspath(path)
    answers: dict[AnswerKey, Output | Failure] = {}
    for line, key, answer in _scan(name):
        if key in answers:
            first = next(earlier for earlier, other, _ in _scan(name) if other == key)
            raise _twice(key, first).at(name, line)
        answers[key] = answer
    if not answers:
        raise EvalSetError("the answers file is empty, expected at least one answer", where=shown(path))
    return MappingProxyType(answers)


def _scan(name: str) -> Iterator[tuple[int, AnswerKey, Output | Failure]]:
    """Line number, key and answer of each line, whether or not the key was there before."""
    for line, data in scan_objects(name):
        try:
            if isinstance(data, FieldError):
                raise data
            key, answer = _answer(data)
        except FieldError as error:
            raise error.at(name, line) from None
        yield line, key, answer


def load_corpus(path: str | os.PathLike[str]) -> tuple[Document, ...]:
    """The documents of a corpus in BEIR form: ``_id``, ``title`` (optional), ``text``, one a line.

    A document's text is its title, a newline and its text, or its text alone when there is no title; BEIR's
    ``metadata`` is allowed and not used.

    Args:
        path: JSONL file.

    Raises:
        EvalSetError: If a line is wrong, an id is there twice (also as another normal form of Unicode), or the file is empty.
    """
    from unicodedata import normalize

    name = os.fspath(path)
    lines: dict[str, int] = {}
    documents: list[Document] = []
    for line, data in scan_objects(name):
        try:
            if isinstance(data, FieldError):
                raise data
            document = _document(data)
            known = document.id if document.id.isascii() else normalize("NFC", document.id)
            if lines.setdefault(known, line) != line:
                raise _again(document.id, lines[known])
        except FieldError as error:
            raise error.at(name, line) from None
        documents.append(document)
    if not documents:
        raise EvalSetError("the corpus is empty, expected at least one document", where=shown(path))
    return tuple(documents)


def _answer(data: dict[str, Any]) -> tuple[AnswerKey, Output | Failure]:
    for name, value in data.items():
        check = _ANSWER_CHECKS.get(name)
        if check is None:
            raise unknown_field(name, _ANSWER_CHECKS)
        if value is not None or name == "id":
            check(name, value)
    if "id" not in data:
        raise FieldError("id", "seen no such field, expected the id of the case")
    key = (intern(data["id"]), data.get("epoch") or 0, data.get("attempt") or 0)
    error = data.get("error")
    if error is not None:
        return key, Failure(stage="candidate", kind="recorded_error", message=error, blame="infrastructure")
    if data.get("output") is None and data.get("documents") is None and data.get("messages") is None:
        raise FieldError("output", "seen none, expected output, documents, messages or error")
    return key, _output(data)


def _output(data: dict[str, Any]) -> Output:
    text = data.get("output")
    if isinstance(text, (dict, list)):
        text = json.dumps(text, ensure_ascii=False)
    elif text is None:
        text = _last_reply(data.get("messages") or ())
    given = {name: value for name, value in data.items() if name in _OUTPUT_FIELDS and value is not None}
    if not given and len(text or "") <= _LABEL:
        return _label(text)
    return Output(text=text, **given)


@lru_cache(maxsize=1024)
def _label(text: str | None) -> Output:
    """An answer that is a short text and nothing else: labels come again and again, so one object stands for all of them."""
    return Output(text=text)


def _last_reply(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The answer of a conversation that was recorded as its messages alone: what the assistant said last."""
    last = messages[-1] if messages else {}
    content = last.get("content")
    return content if last.get("role") == "assistant" and isinstance(content, str) else None


def _twice(key: AnswerKey, first: int) -> FieldError:
    case_id, epoch, attempt = key
    return FieldError(
        "id",
        f"seen {case_id!r} epoch {epoch} attempt {attempt} again (line {first}), expected each answer once",
        'number repeated answers of one case with "epoch": 0, 1, ..',
    )


def _again(document_id: str, first: int) -> FieldError:
    return FieldError("_id", f"seen {seen(document_id)} again (line {first}), expected unique ids")


def _document(data: dict[str, Any]) -> Document:
    for name in data:
        if name not in _DOCUMENT_FIELDS:
            raise unknown_field(name, _DOCUMENT_FIELDS)
    check_word("_id", data.get("_id"))
    title, text = data.get("title") or "", data.get("text")
    for name, value in (("title", title), ("text", text)):
        if not isinstance(value, str):
            raise FieldError(name, f"seen {seen(value)}, expected text")
    return Document(id=data["_id"], text=f"{title}\n{text}" if title else text)


def _check_output(name: str, value: Any) -> None:
    if not isinstance(value, (str, dict, list)):
        raise FieldError(name, f"seen {seen(value)}, expected text or an object", "write numbers as text")


def _check_documents(name: str, value: Any) -> None:
    if not isinstance(value, list):
        raise FieldError(name, f"seen {seen(value)}, expected a list of ids or {{id, text, score}}")
    ids: set[str] = set()
    for index, item in enumerate(value):
        place = f"{name}[{index}]"
        table = {"id": item} if isinstance(item, str) else item
        if (
            not isinstance(table, dict)
            or not isinstance(table.get("id"), str)
            or table.keys() - {"id", "text", "score"}
        ):
            raise FieldError(place, f"seen {seen(item)}, expected an id or {{id, text, score}}")
        if not isinstance(table.get("text", ""), str):
            raise FieldError(f"{place}.text", f"seen {seen(table['text'])}, expected text")
        if not is_number(table.get("score", 0)):
            raise FieldError(f"{place}.score", f"seen {seen(table['score'])}, expected a number")
        if table["id"] in ids:
            raise FieldError(place, f"seen {seen(table['id'])} again, expected each document once in a ranking")
        ids.add(table["id"])


def _check_trace(name: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise FieldError(name, f"seen {seen(value)}, expected a list of messages")


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise FieldError(name, f"seen {seen(value)}, expected text")


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FieldError(name, f"seen {seen(value)}, expected a whole number >= 0")


_LABEL: Final = 64
"""Characters of a text that may be a label."""
_DOCUMENT_FIELDS: Final = ("_id", "title", "text", "metadata")
_OUTPUT_FIELDS: Final = frozenset({"documents", "messages", "usage", "latency_s", "cost_usd", "finish_reason", "model"})
_ANSWER_CHECKS: Final[dict[str, Callable[[str, Any], None]]] = {
    "id": check_id,
    "output": _check_output,
    "documents": _check_documents,
    "messages": _check_trace,
    "usage": check_object,
    "latency_s": check_amount,
    "cost_usd": check_amount,
    "finish_reason": _check_text,
    "model": _check_text,
    "error": check_word,
    "epoch": _check_count,
    "attempt": _check_count,
}
