"""The work that hostile text can blow up: patterns, schemas, a stranger's templates. Runs here, or as a script under limits.

``sandbox.py`` starts this very file as ``python -I worker.py SYS_PATH`` and talks to it over pipes: four bytes of
length, then JSON, both ways. As a script it needs nothing of this package, so that it starts in the time of a bare
interpreter. There it may read what Python is made of, and do nothing else: no network, no file to write, no
program to start. Work that ``patterns.py`` or ``structure.py`` has proven harmless calls the functions directly.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import IO, Any, Final

MEMORY_BYTES: Final = 1 << 30
"""Address space of the worker process."""

MESSAGE: Final = 200
"""Characters of a validation error that are kept; the library's own can run to megabytes."""


def search(pattern: str, flags: int, text: str) -> list[int] | None:
    """The span [start, end] of the first match, or None."""
    match = _compiled(pattern, flags).search(text)
    return None if match is None else list(match.span())


@lru_cache(maxsize=256)
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)


def schema_problem(schema_text: str, formats: bool, instance_text: str) -> str | None:  # noqa: FBT001 - comes out of JSON
    """What is wrong with a JSON text under a schema; None when it is valid.

    Args:
        schema_text: The schema as JSON text (draft 2020-12 unless it names its own).
        formats: Whether ``format`` is asserted.
        instance_text: The value as JSON text, already known to be strict JSON.
    """
    return instance_problem(schema_text, formats, json.loads(instance_text))


def instance_problem(schema_text: str, formats: bool, instance: Any) -> str | None:  # noqa: FBT001 - as above
    """As :func:`schema_problem`, on a parsed value."""
    for error in _validator(schema_text, formats).iter_errors(instance):
        place = "/".join(str(part) for part in error.absolute_path)
        text = error.message if len(error.message) <= MESSAGE else error.message[: MESSAGE - 3] + "..."
        return f"at {place[:MESSAGE]}: {text}" if place else text
    return None


def check_schema(schema_text: str, formats: bool) -> str | None:  # noqa: FBT001 - as above
    """What is wrong with the schema itself, references out of it included; None when it is one."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    from referencing import Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    schema = json.loads(schema_text)
    # The stubs know no default that means "none", the library does.
    known = validator_for(schema, default=None)  # type: ignore[arg-type]
    if isinstance(schema, dict) and "$schema" in schema and known is None:
        return f"its dialect {str(schema['$schema'])[:MESSAGE]!r} is not known"
    validator = _validator(schema_text, formats)
    try:
        validator.check_schema(schema)
        root = Resource.from_contents(schema, default_specification=DRAFT202012)
        base = root.id() or ""
        _follow_references(REGISTRY.with_resource(base, root).crawl().resolver(base), root)
    except SchemaError as error:
        return error.message[:MESSAGE]
    except Unresolvable as error:
        return f"it refers to {str(error.ref)[:MESSAGE]!r}, which is not in it; nothing is fetched"
    return None


def _follow_references(resolver: Any, resource: Any) -> None:
    """Look every reference of a schema up once, so that a missing one is known before the first case."""
    contents = resource.contents if isinstance(resource.contents, dict) else {}
    for key in ("$ref", "$dynamicRef"):
        if isinstance(contents.get(key), str):
            resolver.lookup(contents[key])
    for inner in resource.subresources():
        _follow_references(resolver.in_subresource(inner), inner)


@lru_cache(maxsize=64)
def _validator(schema_text: str, formats: bool) -> Any:  # noqa: FBT001 - as above
    """The compiled schema. The empty registry is the defence: without it the library fetches http and file addresses."""
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.validators import validator_for
    from referencing import Registry

    schema = json.loads(schema_text)
    kind = validator_for(schema, default=Draft202012Validator)
    checker = FormatChecker() if formats else None
    if checker is not None:
        _add_formats(checker)
    return kind(schema, registry=Registry(), format_checker=checker)


_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_FORMATS: Final = {
    "time": re.compile(_TIME),
    "hostname": re.compile(
        r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
    ),
    "uri": re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*"),
}
_DATE_TIME: Final = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[Tt ]{_TIME}")


def _add_formats(checker: Any) -> None:
    """Formats that the library leaves unchecked, in silence, unless further packages are installed."""

    def is_date_time(value: object) -> bool:
        from datetime import date

        if not isinstance(value, str):
            return True
        match = _DATE_TIME.fullmatch(value)
        return match is not None and date.fromisoformat(match[1]) is not None

    checker.checks("date-time", raises=ValueError)(is_date_time)
    for name, pattern in _FORMATS.items():
        checker.checks(name)(lambda value, p=pattern: not isinstance(value, str) or p.fullmatch(value) is not None)


def load_schemas() -> None:
    """Import the schema library ahead of the first job, so that its time is not the job's."""
    import jsonschema  # noqa: F401 - importing is the job


def render_template(source: str, known: dict[str, Any]) -> list[Any]:
    """A prompt template of untrusted origin over a case: [text, problem, line], the text empty where there is a problem."""
    from importlib import import_module

    # Named, not imported: the room of the templates stands beside this one, and only a worker process brings them together.
    return list(import_module("evalharness.candidates.templates").rendered(source, known))


def load_templates() -> None:
    """Import and warm the template engine ahead of the first job."""
    render_template("{{ 1 }}", {})


_JOBS: Final[Mapping[str, Callable[..., Any]]] = {
    "search": search,
    "schema_problem": schema_problem,
    "check_schema": check_schema,
    "load_schemas": load_schemas,
    "render_template": render_template,
    "load_templates": load_templates,
}
LOADERS: Final[Mapping[str, str]] = {
    "schema_problem": "load_schemas",
    "check_schema": "load_schemas",
    "render_template": "load_templates",
}
"""Job -> the one that imports its libraries, done once in each process."""

_REFUSED: Final = ("socket.", "subprocess.", "os.", "shutil.", "ctypes.", "ftplib.", "http.", "urllib.", "webbrowser.")
"""Audit events that no job needs, but for the harmless ones."""
_HARMLESS: Final = frozenset({"os.listdir", "os.scandir", "os.putenv", "os.unsetenv"})


def only_compute(folders: tuple[str, ...]) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that refuses the network, programs, and every file but those under ``folders``, which may be read.

    Raises:
        PermissionError: From inside whatever was tried. A hook cannot be taken off again.
    """

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            reads = (mode is None or not set(mode) & set("wax+")) and not (flags or 0) & 0o3
            name = path.decode("utf-8", "replace") if isinstance(path, bytes) else path
            if not reads or (isinstance(name, str) and not name.startswith(folders)):
                raise PermissionError("a worker process reads its own libraries and no other file")
        elif event.startswith(_REFUSED) and event not in _HARMLESS:
            raise PermissionError(f"a worker process only computes: {event}")

    return hook


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job: ``{"ok": result}``, or ``{"error": kind, "message": text}``."""
    try:
        return {"ok": _JOBS[job["do"]](*job["args"])}
    except MemoryError:
        return {"error": "memory", "message": "out of memory"}
    except RecursionError:
        return {"error": "recursion", "message": "nested or self-referring without end"}
    except Exception as error:  # noqa: BLE001 - the boundary of the process: whatever broke is told to the parent
        return {"error": "broken", "message": f"{type(error).__name__}: {str(error)[:MESSAGE]}"}


def read_message(stream: IO[bytes]) -> Any:
    """The next message, or None when the other side has gone."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    return json.loads(stream.read(int.from_bytes(head, "big")))


def packed(message: Any) -> bytes:
    """A message with its length in front; ASCII, so that lone surrogates travel too."""
    body = json.dumps(message).encode("ascii")
    return len(body).to_bytes(4, "big") + body


def main() -> None:
    """Answer jobs until the parent closes the pipe. A job past its CPU seconds ends the process (SIGPROF)."""
    import resource
    import signal
    from contextlib import suppress

    sys.path[:] = json.loads(sys.argv[1])
    with suppress(ValueError, OSError):  # macOS knows the limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.dont_write_bytecode = True
    sys.addaudithook(only_compute((sys.prefix, sys.base_prefix, *(entry for entry in sys.path if entry))))
    out, jobs = sys.stdout.buffer, sys.stdin.buffer
    out.write(packed("ready"))
    out.flush()
    while (job := read_message(jobs)) is not None:
        signal.setitimer(signal.ITIMER_PROF, job["seconds"])
        reply = answer(job)
        signal.setitimer(signal.ITIMER_PROF, 0)
        out.write(packed(reply))
        out.flush()


if __name__ == "__main__":
    main()
