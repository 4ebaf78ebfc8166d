"""A promptfoo config (YAML or JSON) or table of tests (CSV) as an eval set, candidates, prompts and checks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.evalset.lines import seen
from evalharness.evalset.tables import read_csv
from evalharness.moving.documents import beside, parse, read_source, text_of
from evalharness.moving.moved import Ledger, Moved
from evalharness.moving.promptfoo_csv import test_of_row
from evalharness.moving.promptfoo_systems import candidates_of
from evalharness.moving.promptfoo_tests import SYSTEM, Tests
from evalharness.moving.yamlfile import Yaml, load_yaml

_READ: Final = frozenset({"prompts", "providers", "targets", "tests", "defaultTest", "description"})
_ABOUT_RUNNING: Final = frozenset(
    [
        "evaluateOptions",
        "commandLineOptions",
        "outputPath",
        "env",
        "sharing",
        "tracing",
        "writeLatestResults",
        "extensions",
        "nunjucksFilters",
        "tags",
        "metadata",
    ]
)
_TABLES: Final = (".csv", ".yaml", ".yml", ".json", ".jsonl")


def read_promptfoo(path: Path) -> Moved:
    """Read a config or a table of tests.

    Args:
        path: ``promptfooconfig.yaml`` (``.yml``, ``.json``), or a ``.csv`` with ``__expected`` columns.

    Raises:
        EvalSetError: If it is none, or a file that it names lies outside its folder.
        ExtraMissing: If it is YAML and PyYAML is not installed.
    """
    data = read_source(path)
    ledger = Ledger()
    if path.suffix == ".csv":
        tests = Tests(ledger, {}, path.parent)
        counted = _table(tests, path)
        return _moved(tests, data, counted=counted, counted_by="quotation marks", setup={})
    config = _document(path, text_of(data, shown(path)))
    if not isinstance(config.value, Mapping):
        raise EvalSetError(f"seen {seen(config.value)}, expected a config with tests", where=shown(path))
    for key in sorted(map(str, config.value.keys() - _READ)):
        why = "it is about running, not about cases" if key in _ABOUT_RUNNING else "it has no counterpart here"
        ledger.drop(key, why, config.place(key))
    if "description" in config.value:
        ledger.drop("description", "a config has no description: keep it as a comment", config.place("description"))
    default = _default(path, config, ledger)
    tests = Tests(ledger, default, path.parent)
    counted = _tests(tests, path, config)
    setup = candidates_of(config, path.parent, ledger, variables=_variables(tests))
    return _moved(tests, data, counted=counted, counted_by="the tree of the file", setup=setup)


def _moved(tests: Tests, data: bytes, *, counted: int, counted_by: str, setup: Mapping[str, Any]) -> Moved:
    cases = tuple(tests.book.cases.values())
    if not cases:
        raise EvalSetError("seen no tests, expected at least one", where="tests")
    return Moved(
        kind="promptfoo",
        sha256=hashlib.sha256(data).hexdigest(),
        cases=cases,
        answers={SYSTEM: tuple(tests.answers)} if tests.answers else {},
        entries=tests.ledger.entries(),
        rows=tests.tests,
        counted=counted,
        counted_by=counted_by,
        setup={**setup, "wishes": tests.wishes, "has_checks": any(case.checks for case in cases)},
    )


def _variables(tests: Tests) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for case in tests.book.cases.values():
        if isinstance(case.input, Mapping):
            names |= dict.fromkeys(case.input)
    return tuple(names)


def _document(path: Path, text: str) -> Yaml:
    if path.suffix == ".json":
        return Yaml(value=parse(text, shown(path))[0], lines={})
    return load_yaml(text, shown(path))


def _default(path: Path, config: Yaml, ledger: Ledger) -> Mapping[str, Any]:
    value = config.value.get("defaultTest")
    if value is None:
        return {}
    if isinstance(value, str):
        value = _document(file := beside(path.parent, value), text_of(read_source(file), shown(file))).value
    if not isinstance(value, Mapping):
        raise EvalSetError(f"seen {seen(value)}, expected a table", where=f"{shown(path)}: defaultTest")
    known = {"vars", "assert", "options", "threshold", "metadata", "providerOutput"}
    for key in sorted(map(str, value.keys() - known)):
        ledger.drop(f"defaultTest.{key}", "it has no counterpart in a case", config.place("defaultTest", key))
    for key in sorted(known & value.keys()):
        ledger.change(f"defaultTest.{key}", "written into each case", config.place("defaultTest", key))
    return value


def _tests(tests: Tests, path: Path, config: Yaml) -> int:
    """Add all tests; returns how many there are by another count."""
    found = config.value.get("tests")
    counted = 0
    for index, item in enumerate(found if isinstance(found, list) else [found] if found else []):
        if isinstance(item, str):
            counted += _from_file(tests, path.parent, item)
            continue
        if not isinstance(item, Mapping):
            raise EvalSetError(f"seen {seen(item)}, expected a test", where=f"{shown(path)}: tests[{index}]")
        tests.add(item, _placer(config, "tests", index))
    inline = {key[1] for key in config.lines if len(key) == 2 and key[0] == "tests"}
    strings = [item for item in found if isinstance(item, str)] if isinstance(found, list) else []
    inner = len(inline) - len(strings) if config.lines and isinstance(found, list) else tests.tests - counted
    for index, scenario in enumerate(config.value.get("scenarios") or []):
        place = config.place("scenarios", index)
        tests.ledger.drop("scenario", f"write its tests out: {seen(scenario)}", place)
    return counted + inner


def _from_file(tests: Tests, folder: Path, name: str) -> int:
    """Tests in a file of their own; returns how many by another count."""
    path = beside(folder, name)
    if path.suffix not in _TABLES:
        why = "tests made by code or fetched are not read: save them as CSV or YAML first"
        tests.ledger.drop(f"tests {name[:80]}", why, "tests")
        return 0
    if path.suffix == ".csv":
        return _table(tests, path)
    text = text_of(read_source(path), shown(path))
    if path.suffix == ".jsonl":
        rows = [
            parse(line, f"{shown(path)}:{number}")[0]
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip()
        ]
        document = Yaml(value=rows, lines={})
    else:
        document = _document(path, text)
    if not isinstance(document.value, list):
        raise EvalSetError(f"seen {seen(document.value)}, expected a list of tests", where=shown(path))
    for index, test in enumerate(document.value):
        if not isinstance(test, Mapping):
            raise EvalSetError(f"seen {seen(test)}, expected a test", where=f"{shown(path)}: item {index}")
        tests.add(test, _placer(document, index, name=path.name))
    return len([key for key in document.lines if len(key) == 1]) if document.lines else len(document.value)


def _table(tests: Tests, path: Path) -> int:
    table = read_csv(path)
    for number, row in enumerate(table.rows, 1):

        def place(*_: str | int, number: int = number) -> str:
            return f"{path.name} row {number}"

        tests.add(test_of_row(row), place)
    return len(table.rows) if table.counted is None else table.counted


def _placer(document: Yaml, *start: str | int, name: str = "") -> Callable[..., str]:
    def place(*steps: str | int) -> str:
        if not document.lines:
            return "/".join(map(str, (*start, *steps)))
        line = document.place(*start, *steps)
        return f"{name} {line}" if name else line

    return place
