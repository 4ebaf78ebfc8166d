"""YAML files of other tools, read as YAML 1.2 by the safe loader. The only file that imports yaml.

PyYAML's own rules are those of YAML 1.1 (``no`` is false, ``1e-3`` a text, ``12:30`` is 750), and it lets a second key
replace the first. promptfoo reads 1.2, so the plain scalars are resolved by 1.2's core rules here, a duplicate key is
an error, and the tree is measured before it is built: a few aliases can stand for a billion nodes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Final, TypeAlias

from evalharness.core.errors import EvalSetError, ExtraMissing

MAX_BYTES: Final = 8_000_000
MAX_NODES: Final = 1_000_000
"""Most nodes once all aliases are followed."""
MAX_DEPTH: Final = 64
_TAG: Final = "tag:yaml.org,2002:"
_JSON_LIKE: Final = frozenset(["null", "bool", "int", "float", "str", "seq", "map"])
"""Tags whose values JSON has: no dates, bytes or sets, which no eval set can hold."""
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Yaml:
    """A YAML document."""

    value: Any
    lines: Mapping[Path, int]
    """Path of keys and positions -> line."""

    def place(self, *path: str | int) -> str:
        """``line 12`` of a path, or of the nearest place above it."""
        steps = path
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return f"line {self.lines.get(steps, 1)}"


def load_yaml(text: str, where: str) -> Yaml:
    """Read one document.

    Args:
        text: The file's content.
        where: Its name, for errors.

    Raises:
        ExtraMissing: If PyYAML is not installed.
        EvalSetError: If it is no YAML, has tags of a programming language or a duplicate key, or is too large or too
            deep once aliases are followed.
    """
    try:
        import yaml
    except ImportError:
        raise ExtraMissing("reading YAML", "import") from None
    if len(text) > MAX_BYTES:
        raise EvalSetError(f"seen {len(text):,} characters, expected at most {MAX_BYTES:,}", where=where)
    try:
        _check_depth(text, where)
        loader = _loader()(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Yaml(value=None, lines={})
            _check_size(node, where)
            lines = dict(_places(node, ()))
            return Yaml(value=_built(loader, node, where), lines=lines)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _fault(error, where) from None
    except (ValueError, RecursionError, OverflowError) as error:
        raise EvalSetError(f"seen {str(error)[:120]}, expected YAML", where=where) from None


def _built(loader: Any, node: Any, where: str) -> Any:
    try:
        return loader.construct_document(node)
    except (KeyError, AttributeError, TypeError) as error:  # PyYAML takes a tag at its word: ``!!bool x``
        raise EvalSetError(f"seen a tag that its value does not fit ({error}), expected YAML", where=where) from None


@cache
def _loader() -> Any:
    import yaml

    class Core(yaml.SafeLoader):  # type: ignore[misc]
        """The safe loader with the values of YAML 1.2's core schema, which are those of JSON."""

        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}
        yaml_constructors: ClassVar[dict[Any, Any]] = {
            tag: make
            for tag, make in yaml.SafeLoader.yaml_constructors.items()
            if tag is None or tag.removeprefix(_TAG) in _JSON_LIKE
        }

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - its base's
            """Keys are texts, as they are written: so they are in JSON and in promptfoo's own language."""
            self.flatten_mapping(node)
            return {self.construct_scalar(key): self.construct_object(value, deep=deep) for key, value in node.value}

    rules = (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
        ("merge", r"<<", "<"),
    )
    for kind, pattern, first in rules:
        Core.add_implicit_resolver(_TAG + kind, re.compile(f"(?:{pattern})$"), list(first))
    Core.add_constructor(f"{_TAG}int", _integer)
    Core.add_constructor(f"{_TAG}float", _float)
    return Core


def _integer(loader: Any, node: Any) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _float(loader: Any, node: Any) -> float:
    value: float = loader.construct_yaml_float(node)
    if not math.isfinite(value):
        raise ValueError(f"the number {node.value[:40]}, which is not finite")
    return value


def _check_depth(text: str, where: str) -> None:
    """Count opened collections in the stream of events, before anything recursive runs."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1
                raise EvalSetError(f"seen nesting deeper than {MAX_DEPTH}", where=f"{where}:{line}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_size(node: Any, where: str) -> None:
    sizes: dict[int, int] = {}
    size = _size(node, sizes, set(), where)
    if size > MAX_NODES:
        raise EvalSetError(
            f"seen {size:,} nodes once aliases are followed, expected at most {MAX_NODES:,}",
            where=where,
            tip="write the repeated parts out, or import a smaller file",
        )


def _size(node: Any, sizes: dict[int, int], open_nodes: set[int], where: str) -> int:
    """Nodes under a node with aliases followed, each node measured once."""
    key = id(node)
    if key in sizes:
        return sizes[key]
    if key in open_nodes:
        raise EvalSetError("seen an alias inside what it names", where=f"{where}:{node.start_mark.line + 1}")
    open_nodes.add(key)
    children = list(_children(node))
    if node.id == "mapping":
        _refuse_duplicates(node, where)
    sizes[key] = 1 + sum(_size(child, sizes, open_nodes, where) for child in children)
    open_nodes.discard(key)
    return sizes[key]


def _children(node: Any) -> Iterator[Any]:
    if node.id == "mapping":
        for key, value in node.value:
            yield key
            yield value
    elif node.id == "sequence":
        yield from node.value


def _refuse_duplicates(node: Any, where: str) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        word = str(key.value) if key.id == "scalar" else ""
        if word in seen and word != "<<":
            raise EvalSetError(f"seen the key {word!r} twice", where=f"{where}:{key.start_mark.line + 1}")
        seen.add(word)


def _places(node: Any, path: Path) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if node.id == "mapping":
        for key, value in node.value:
            if key.id == "scalar":
                yield from _places(value, (*path, str(key.value)))
                yield (*path, str(key.value)), key.start_mark.line + 1
    elif node.id == "sequence":
        for index, item in enumerate(node.value):
            yield from _places(item, (*path, index))


def _fault(error: Any, where: str) -> EvalSetError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    place = f"{where}:{mark.line + 1}" if mark is not None else where
    return EvalSetError(f"seen broken or unsafe YAML: {' '.join(str(problem).split())[:160]}", where=place)
