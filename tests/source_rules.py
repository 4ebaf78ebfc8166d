"""Reading the source of a package: what imports what, how long things are, what may not be called. ``test_architecture`` uses it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


def room_of(name: str) -> str:
    """The folder or module right under the package that a module belongs to; empty for the package's own ``__init__``."""
    return name.split(".")[1] if "." in name else ""


@dataclass(frozen=True)
class Import:
    """One import statement's one target."""

    module: str  # the module that imports
    target: str  # what it names, as far down as modules go
    late: bool  # inside a function: not done when the module is loaded
    typing: bool  # under `if TYPE_CHECKING`: never done


@dataclass(frozen=True)
class Module:
    name: str
    is_package: bool
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        return room_of(self.name)


class Source:
    """All modules of a package."""

    def __init__(self, root: Path) -> None:
        self.package = root.name
        self.modules: dict[str, Module] = {}
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root.parent).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            self.modules[name] = Module(name, is_package, path.read_text(encoding="utf-8"))

    @cached_property
    def imports(self) -> list[Import]:
        return [found for module in self.modules.values() for found in self._imports_of(module)]

    def _imports_of(self, module: Module) -> Iterator[Import]:
        for node, late, typing in _imports(module.tree):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            else:
                base = self._base(module, node)
                targets = [f"{base}.{alias.name}" for alias in node.names]
                targets = [name if name in self.modules else base for name in targets]
            for target in targets:
                yield Import(module.name, target, late, typing)

    @staticmethod
    def _base(module: Module, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        above = module.name.split(".")
        above = above[: len(above) - node.level + module.is_package]
        return ".".join([*above, *([node.module] if node.module else [])])

    def is_own(self, target: str) -> bool:
        return target.partition(".")[0] == self.package


def _imports(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    def walk(node: ast.AST, late: bool, typing: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, late, typing
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from walk(child, late, True)
            for child in node.orelse:
                yield from walk(child, late, typing)
            return
        inside = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside, typing)

    yield from walk(tree, False, False)


def upward(source: Source, floors: tuple[frozenset[str], ...], allowed: Mapping[tuple[str, str], str]) -> list[str]:
    """Imports that do not run down: of a higher floor, or of another room on the same floor."""
    floor_of = {room: number for number, rooms in enumerate(floors) for room in rooms}
    unknown = sorted({m.room for m in source.modules.values()} - set(floor_of) - {""})
    found = [f"{room} stands on no floor" for room in unknown]
    for one in source.imports:
        here, there = source.modules[one.module].room, room_of(one.target)
        if not source.is_own(one.target) or here == there or not there or here in unknown or there in unknown:
            continue
        runs_down = here and floor_of[there] < floor_of[here]
        if here and not runs_down and (here, there) not in allowed:
            found.append(f"{one.module} imports {one.target}")
        if not here and not one.typing:
            found.append(f"the package itself imports {one.target} when it is loaded")
    return found


def unused_exceptions(source: Source, allowed: Mapping[tuple[str, str], str]) -> list[str]:
    """Exceptions that nothing needs any more."""
    there = {
        (source.modules[one.module].room, room_of(one.target)) for one in source.imports if source.is_own(one.target)
    }
    return sorted(f"{here} -> {target}" for here, target in set(allowed) - there)


def cycles(source: Source, *, late: bool) -> list[list[str]]:
    """Modules that import each other in a ring; with ``late`` also through imports inside functions."""
    edges: dict[str, set[str]] = {name: set() for name in source.modules}
    for one in source.imports:
        if one.target in edges and one.target != one.module and not one.typing and (late or not one.late):
            edges[one.module].add(one.target)
    return _rings(edges)


def _rings(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            ring = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(ring) > 1:
                found.append(sorted(ring))

    for node in edges:
        if node not in index:
            visit(node)
    return found


def third_party(source: Source, *, typing: bool = False) -> dict[str, set[str]]:
    """Name of each foreign package -> the modules that import it; with ``typing`` also for types only."""
    found: dict[str, set[str]] = {}
    for one in source.imports:
        top = one.target.partition(".")[0]
        if not source.is_own(top) and top not in sys.stdlib_module_names and (typing or not one.typing):
            found.setdefault(top, set()).add(one.module)
    return found


def loaded_early(source: Source) -> set[str]:
    """``module: package`` of each foreign package that is imported while a module is loaded."""
    tops = {(one.module, one.target.partition(".")[0]) for one in source.imports if not (one.late or one.typing)}
    return {f"{module}: {top}" for module, top in tops if not source.is_own(top) and top not in sys.stdlib_module_names}


def long_functions(source: Source, limit: int) -> dict[str, int]:
    """``module.function`` -> lines, of the functions that have more lines than ``limit``, their docstring not counted."""
    found = {}
    for module in source.modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = _extent(node) - (_extent(node.body[0]) if ast.get_docstring(node) else 0)
                if lines > limit:
                    found[f"{module.name}.{node.name}"] = lines
    return found


def _extent(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def long_modules(source: Source, limit: int) -> dict[str, int]:
    lines = {module.name: module.text.count("\n") for module in source.modules.values()}
    return {name: count for name, count in lines.items() if count > limit}


FORBIDDEN_CALLS = frozenset(
    {"yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "eval", "exec", "compile", "__import__"}
)
FORBIDDEN_IMPORTS = frozenset({"pickle", "marshal", "shelve", "dill", "cloudpickle", "pydantic", "requests"})
FORBIDDEN_ATTRIBUTES = frozenset({"os.system", "os.popen", "tempfile.mktemp"})


def dangerous(source: Source) -> list[str]:
    """Ways by which data could become code or a command, and libraries that the house does without."""
    found = [
        f"{one.module}: import {one.target}"
        for one in source.imports
        if one.target.partition(".")[0] in FORBIDDEN_IMPORTS
    ]
    for module in source.modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                shell = any(word.arg == "shell" for word in node.keywords)
                if name in FORBIDDEN_CALLS | FORBIDDEN_ATTRIBUTES or shell:
                    found.append(f"{module.name}:{node.lineno}: {name}{' with shell=' if shell else ''}")
    return found


def false_all(source: Source) -> list[str]:
    """Names in a module's ``__all__`` that its source does not make, import, or give through ``_HOMES``."""
    found = []
    for module in source.modules.values():
        listed, made = _listed(module.tree), _made(module.tree)
        submodules = {name.rpartition(".")[2] for name in source.modules if name.rpartition(".")[0] == module.name}
        found += [f"{module.name}: {name}" for name in listed if name not in made | submodules]
        found += [f"{module.name}: {name} is listed twice" for name in sorted(set(listed)) if listed.count(name) > 1]
    return found


def _listed(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and "__all__" in ast.unparse(node).split("=")[0]:
            return list(ast.literal_eval(node.value)) if isinstance(node.value, (ast.List, ast.Tuple)) else []
    return []


def _made(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name))
            if any(isinstance(target, ast.Name) and target.id == "_HOMES" for target in targets):
                names.update(ast.literal_eval(node.value))  # type: ignore[arg-type]
    return names


WRITES = frozenset({"write", "writelines", "write_text", "write_bytes", "fdopen"})
STREAMS = frozenset({"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"})


def writers(source: Source) -> dict[str, set[str]]:
    """Module -> the ways in which it lets text out by itself: ``print``, a log, the streams, files."""
    found: dict[str, set[str]] = {}
    for module in source.modules.values():
        for node in ast.walk(module.tree):
            way = _way_out(node)
            if way:
                found.setdefault(module.name.partition(".")[2], set()).add(way)
    return found


def _way_out(node: ast.AST) -> str:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
        return "logging" if "logging" in names else ""
    if not isinstance(node, ast.Call):
        return ""
    name = ast.unparse(node.func)
    last = name.rpartition(".")[2]
    if name == "print" or name == "write_atomic":
        return name
    if name.rpartition(".")[0] in STREAMS:
        return "stream"
    if last == "open":
        modes = [ast.unparse(argument) for argument in (*node.args, *(word.value for word in node.keywords))]
        return (
            "file"
            if any(mode in ("'w'", "'a'", "'x'", "'wb'", "'ab'", "'xb'", "'w+'", "'r+'") for mode in modes)
            else ""
        )
    return ("file" if last != "write" else "write") if last in WRITES else ""


MARKUP = frozenset("<>`|*#&")


def unclean(source: Source, modules: frozenset[str], sinks: frozenset[str]) -> dict[str, set[str]]:
    """Module -> expressions that stand in an f-string with markup and go through no sink, have no number format, are no literal."""
    found: dict[str, set[str]] = {}
    for module in source.modules.values():
        name = module.name.partition(".")[2]
        if name not in modules:
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.JoinedStr) and _is_markup(node):
                found.setdefault(name, set()).update(_bare_parts(node, sinks))
    return {name: parts for name, parts in found.items() if parts}


def _is_markup(node: ast.JoinedStr) -> bool:
    text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
    return bool(MARKUP & set(text)) or text.startswith("::")


def _bare_parts(node: ast.JoinedStr, sinks: frozenset[str]) -> Iterator[str]:
    for part in node.values:
        if not isinstance(part, ast.FormattedValue):
            continue
        cleaned = isinstance(part.value, ast.Call) and ast.unparse(part.value.func).rpartition(".")[2] in sinks
        number = part.format_spec is not None and ast.unparse(part.format_spec).rstrip("'\"")[-1:] in tuple("gfdeGn%,")
        if not (cleaned or number):
            yield ast.unparse(part.value)
