"""``evalset import``: other people's data into an eval set, with its provenance and a report of every change.

The only file that imports ``datasets``. It is used for what it does faithfully: finding and fetching the files of a
Hugging Face data set at a revision, and reading Parquet. Text forms are read by ``tables`` (the reason stands there).
Every source is counted a second way (quotation parity, newlines, Parquet's footer); unlike counts end the import.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from evalharness import __version__
from evalharness.core.cases import Case
from evalharness.core.errors import EvalSetError, ExtraMissing, UsageError
from evalharness.core.files import shown
from evalharness.evalset.jsonl import write_cases
from evalharness.evalset.lines import FieldError
from evalharness.evalset.lock import LOCK_NAME, Lock, Source, lock_set, read_lock, write_lock
from evalharness.evalset.mapping import Tally, plan_columns, to_cases
from evalharness.evalset.tables import Table, read_bytes, read_csv, read_json, read_jsonl

_HF: Final = re.compile(r"hf:(?P<name>[^@]+)@(?P<revision>[^:@]+):(?:(?P<config>[^/]+)/)?(?P<split>[^/]+)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_FORMS: Final = ".csv, .tsv, .parquet, .jsonl, .ndjson, .json or hf:org/name@REVISION:split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What an import read, and what it did to it."""

    cases: tuple[Case, ...]
    """In id order."""
    rows: int
    """Rows of the source that were read."""
    counted: int | None
    """The same by an independent count; None when the form has none."""
    columns: Mapping[str, str]
    """Case field -> column."""
    changed: tuple[str, ...]
    """Values that could not stay as they were, one sentence a kind."""
    dropped: tuple[str, ...]
    """Rows that became no case, one sentence a reason."""
    source: Source

    def lines(self) -> list[str]:
        """The report for a person."""
        second = "no second count" if self.counted is None else f"{self.counted} by a second count"
        return [
            f"{self.source.origin}: {self.rows} rows ({second}), {len(self.cases)} cases",
            *(f"  {name} from column {column}" for name, column in self.columns.items()),
            *(f"  changed: {line}" for line in self.changed),
            *(f"  dropped: {line}" for line in self.dropped),
        ]


def import_cases(source: str, *, mapping: Mapping[str, str] | None = None, offline: bool = False) -> Import:
    """Read a source into cases; writes nothing.

    Args:
        source: A file (.csv, .tsv, .parquet, .jsonl, .ndjson, .json) or ``hf:NAME@REVISION:SPLIT`` (``CONFIG/SPLIT``
            where a data set has configurations); NAME is ``org/name`` or a folder.
        mapping: Case field or ``metadata.NAME`` -> column, as ``mapping.parse_map`` gives it.
        offline: Refuse sources that need the network.

    Raises:
        UsageError: If the form of the source or the mapping is wrong.
        EvalSetError: If a row is wrong, or the two counts differ.
        ExtraMissing: If ``datasets`` is needed and not installed.
    """
    table, origin = _read(source, offline=offline)
    if table.counted is not None and table.counted != len(table.rows):
        raise EvalSetError(
            f"{len(table.rows)} rows were read, but a second count gives {table.counted}: nothing was imported",
            where=source,
            tip="look for a quotation mark inside a cell that is not quoted",
        )
    changed, dropped = Tally(), Tally()
    plan = plan_columns(table.columns, mapping or {})
    try:
        cases = to_cases(table.rows, plan, text_cells=table.text_cells, changed=changed, dropped=dropped)
    except FieldError as error:
        raise EvalSetError(error.problem, where=f"{source}: {error.field}", tip=error.tip) from None
    if not cases:
        raise EvalSetError(f"none of {len(table.rows)} rows made a case: {', '.join(dropped.lines())}", where=source)
    return Import(
        cases=tuple(sorted(cases, key=lambda case: case.id)),
        rows=len(table.rows),
        counted=table.counted,
        columns=plan.columns,
        changed=(*table.notes, *changed.lines()),
        dropped=dropped.lines(),
        source=replace(origin, sha256=table.sha256, importer=f"evalharness {__version__}"),
    )


def write_import(path: Path, imported: Import, *, name: str, root: Path) -> str:
    """Write the eval set and its entry in evalh.lock.

    Args:
        path: The new JSONL file.
        imported: What :func:`import_cases` gave.
        name: Name of the eval set in the config and the lock.
        root: Folder of evalh.lock.

    Returns:
        The version in the lock.

    Raises:
        EvalSetError: If the file is there already: an import never overwrites cases that people may have edited.
    """
    if path.exists():
        tip = "import to another file, then evalh evalset diff"
        raise EvalSetError("exists already, and an import never overwrites a set", where=shown(path), tip=tip)
    lock = read_lock(root / LOCK_NAME)
    previous = [lock.evalsets[name]] if name in lock.evalsets else []
    entry, _ = lock_set(lambda: imported.cases, previous=previous)
    write_cases(path, imported.cases)
    entry = replace(entry, source=imported.source)
    write_lock(root / LOCK_NAME, Lock(evalsets={**lock.evalsets, name: entry}, rubrics=lock.rubrics))
    return entry.version


def _read(source: str, *, offline: bool) -> tuple[Table, Source]:
    if source.startswith("hf:"):
        return _read_hf(source, offline=offline)
    path = Path(source)
    readers = {".csv": read_csv, ".jsonl": read_jsonl, ".ndjson": read_jsonl, ".json": read_json}
    if path.suffix == ".tsv":
        table = read_csv(path, "\t")
    elif path.suffix == ".parquet":
        table = _read_parquet([path])
    elif path.suffix in readers:
        table = readers[path.suffix](path)
    else:
        raise UsageError(f"{source!r}: cannot tell its form", tip=f"expected {_FORMS}")
    return table, Source(origin=_known_as(Path(source)))


def _known_as(path: Path) -> str:
    """What the lock says of a file: its path where that is the project's, else its name, never folders of one machine."""
    outside = path.is_absolute() or ".." in path.parts
    return path.name if outside else path.as_posix()


def _datasets() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the hub client is imported
    try:
        import datasets
    except ImportError:
        raise ExtraMissing("importing Parquet and Hugging Face data", "data") from None
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False  # else reading a local file asks a server to count it
    return datasets


def _read_hf(source: str, *, offline: bool) -> tuple[Table, Source]:
    match = _HF.fullmatch(source)
    if match is None:
        tip = "the revision is required, so that the same import gives the same set: hf:org/name@REVISION:split"
        raise UsageError(f"{source!r} is not hf:NAME@REVISION:SPLIT", tip=tip)
    name, revision, split = match["name"], match["revision"], match["split"]
    local = Path(name).is_dir()
    if offline and not local:
        raise UsageError(f"{source!r} needs the network, and this command is offline", tip="import from a folder")
    datasets = _datasets()
    errors = (OSError, ValueError, datasets.exceptions.DatasetsError)
    try:
        builder = datasets.load_dataset_builder(name, match["config"], revision=None if local else revision)
        files = (builder.config.data_files or {}).get(split)
        if files is None:
            known = ", ".join(map(str, builder.config.data_files or {})) or "none"
            raise UsageError(f"{source!r}: there is no split {split!r}", tip=f"splits: {known}")
        paths = datasets.DownloadManager(dataset_name=builder.dataset_name).download_and_extract(list(files))
    except errors as error:
        raise EvalSetError(f"cannot be read: {' '.join(str(error).split())[:300]}", where=source) from None
    table = _read_files(source, _kind(builder), [Path(path) for path in paths], builder.config)
    return _pinned(table, files, revision, local=local), Source(origin=f"hf:{name}", revision=revision)


def _kind(builder: Any) -> str:
    """The form of a data set's files: the builder is a subclass of the form's own."""
    names = [cls.__name__ for cls in type(builder).__mro__]
    return next((name for name in names if name in {"Csv", "Json", "Parquet"}), names[0])


def _read_files(source: str, kind: str, paths: list[Path], config: Any) -> Table:
    if kind == "Parquet":
        return _read_parquet(paths)
    if kind == "Csv":
        return _join([read_csv(path, config.sep or ",") for path in paths])
    if kind == "Json":
        return _join([read_json(path) for path in paths])
    raise EvalSetError(f"seen data of the form {kind}, expected CSV, JSON or Parquet files", where=source)


def _pinned(table: Table, files: Iterable[Any], revision: str, *, local: bool) -> Table:
    """Say which commit a moving revision stood at."""
    if local or _COMMIT.fullmatch(revision):
        return table
    commits = sorted({found[0] for file in files if (found := _COMMIT.search(str(file)))})
    note = f"revision {revision} can move; it was {', '.join(commits) or 'not resolved'}: import that commit to pin it"
    return table._replace(notes=(*table.notes, note))


def _read_parquet(paths: list[Path]) -> Table:
    datasets = _datasets()
    import pyarrow as pa  # comes with datasets
    from pyarrow import parquet

    sha256 = _digests([read_bytes(path) for path in paths])
    names = [str(path) for path in paths]
    try:
        counted = sum(parquet.read_metadata(name).num_rows for name in names)
        stream = datasets.load_dataset("parquet", data_files=names, split="train", streaming=True)
        columns = tuple(parquet.read_schema(names[0]).names)
        rows = list(stream)
    except (OSError, ValueError, pa.ArrowException, datasets.exceptions.DatasetsError) as error:
        raise EvalSetError(
            f"seen broken Parquet: {' '.join(str(error).split())[:300]}", where=shown(names[0])
        ) from None
    notes = tuple(
        f"{name}: Parquet gives every object of a column the same keys, absent ones are null"
        for name in columns
        if any(_has_null_inside(row.get(name)) for row in rows)
    )
    return Table(columns=columns, rows=rows, counted=counted, sha256=sha256, notes=notes)


def _has_null_inside(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(item is None or _has_null_inside(item) for item in value.values())
    return isinstance(value, list) and any(_has_null_inside(item) for item in value)


def _join(tables: list[Table]) -> Table:
    """Files of one split as one table, in order."""
    counts = [table.counted for table in tables]
    return Table(
        columns=tuple(dict.fromkeys(name for table in tables for name in table.columns)),
        rows=[row for table in tables for row in table.rows],
        counted=None if None in counts else sum(count for count in counts if count is not None),
        sha256=tables[0].sha256 if len(tables) == 1 else _digests([table.sha256.encode() for table in tables]),
        text_cells=all(table.text_cells for table in tables),
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )


def _digests(parts: list[bytes]) -> str:
    """SHA-256 of one file, or of the files' digests in order."""
    digests = [hashlib.sha256(part).hexdigest() for part in parts]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode("ascii")).hexdigest()
