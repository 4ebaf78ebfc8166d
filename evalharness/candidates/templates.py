"""Prompt templates: Jinja2 in a sandbox, over one case, rendered once. The only file that imports jinja2.

A template sees ``input``, ``context`` and ``metadata`` and nothing else: no loader, no globals, no name of Python.
What stands in a case is text, never a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.results import Failure
from evalharness.core.specs import canonical_json, thaw

Isolate: TypeAlias = Callable[..., Any]
MAX_CHARS: Final = 4_000_000
"""Longest text that a template may give."""
FILTERS: Final = frozenset(
    (
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "dictsort",
        "first",
        "float",
        "groupby",
        "int",
        "items",
        "join",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "select",
        "selectattr",
        "sort",
        "string",
        "sum",
        "title",
        "tojson",
        "trim",
        "truncate",
        "unique",
        "upper",
        "wordcount",
    )
)
"""Filters of Jinja2 that are left: those that neither draw at random nor pad to any width."""
_INPUT: Final = re.compile(r"\{\{ *input *\}\}")
_SYNTAX: Final = re.compile(r"\{[{%#]|\r")


class Template:
    """A text with holes.

    Args:
        source: The template's text.
        where: ``FILE`` or ``FILE:LINE: key`` for errors.
        isolate: Where the template is a stranger's: what does a job in a process of its own, ``isolate(job, *args)``.

    Raises:
        ConfigError: If the syntax is wrong.
    """

    def __init__(self, source: str, *, where: str, isolate: Isolate | None = None) -> None:
        self.source = source
        self._where = where
        self._isolate = isolate
        # Jinja2 drops one newline at the end; so does the way around it.
        pieces = _INPUT.split(source.removesuffix("\n"))
        plain = not any(_SYNTAX.search(piece) for piece in pieces) and not any(p.endswith("{") for p in pieces[:-1])
        self._pieces = pieces if plain else None
        self._compiled = self._compile() if self._pieces is None and isolate is None else None

    @property
    def constant(self) -> bool:
        """True when the text is the same for every case."""
        return self._pieces is not None and len(self._pieces) == 1

    @property
    def cannot_fail(self) -> bool:
        """True when no case can make rendering fail."""
        return self._pieces is not None

    def render(self, case: Case) -> str:
        """The text for a case.

        Raises:
            ConfigError: If a variable is undefined, or the sandbox refuses what the template does.
        """
        if self._pieces is None:
            return self._rendered(case)
        if len(self._pieces) == 1:
            return self._pieces[0]
        text = case.input if isinstance(case.input, str) else canonical_json(case.input)
        return text.join(self._pieces)

    def _compile(self) -> Any:
        from jinja2 import TemplateSyntaxError

        try:
            return _environment().from_string(self.source)
        except TemplateSyntaxError as error:
            raise ConfigError(f"template: {error.message}", where=self._place(error.lineno)) from None
        except (RecursionError, OverflowError, MemoryError) as error:
            raise ConfigError(f"template: {type(error).__name__}", where=self._where) from None

    def _rendered(self, case: Case) -> str:
        known = {"input": thaw(case.input), "context": thaw(case.context), "metadata": thaw(case.metadata)}
        if self._isolate is None:
            text, problem, line = _result(self._compiled, known)
        else:
            done = self._isolate("render_template", self.source, known)
            text, problem, line = ("", done.message, None) if isinstance(done, Failure) else done
        if problem:
            raise ConfigError(
                f"the template cannot be rendered for case {case.id}: {problem[:200]}",
                where=self._place(line),
                tip="a template sees input, context and metadata of the case",
                code="template",
            )
        if len(text) > MAX_CHARS:
            raise ConfigError(
                f"the template gives {len(text):,} characters for case {case.id}, more than {MAX_CHARS:,}",
                where=self._where,
                code="template",
            )
        return text

    def _place(self, line: int | None) -> str:
        return f"{self._where}:{line}" if line and not re.search(r":\d", self._where) else self._where


def rendered(source: str, known: Mapping[str, Any]) -> tuple[str, str, int | None]:
    """A template compiled and rendered at once: (text, problem, line), for a worker process.

    Args:
        source: The template's text.
        known: ``input``, ``context`` and ``metadata``, plain JSON values.
    """
    from jinja2 import TemplateSyntaxError

    try:
        compiled = _environment().from_string(source)
    except TemplateSyntaxError as error:
        return "", error.message or "not a template", error.lineno
    text, problem, line = _result(compiled, known)
    return (
        (text, problem, line) if len(text) <= MAX_CHARS else ("", f"it gives more than {MAX_CHARS:,} characters", None)
    )


def _result(compiled: Any, known: Mapping[str, Any]) -> tuple[str, str, int | None]:
    from jinja2 import TemplateError

    try:
        return compiled.render(known), "", None
    except (
        TemplateError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        return "", str(error) or type(error).__name__, _line_of(error)


def _line_of(error: BaseException) -> int | None:
    """Line of the template where rendering failed; Jinja2 rewrites its tracebacks to the template's own lines."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


@cache
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"*", "**", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            # "x" * 10**9 and 9**9**9 would fill the memory before the text could be measured.
            numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
            if not numbers or (operator == "**" and (abs(right) > 64 or abs(left) > 1_000_000)):
                raise SecurityError(f"{operator} is for small numbers here")
            return super().call_binop(context, operator, left, right)

        def is_safe_callable(self, obj: Any) -> bool:
            # str.format pads to any width; format_map reaches attributes
            return super().is_safe_callable(obj) and getattr(obj, "__name__", "") not in _PADDING

    environment = Sandbox(undefined=StrictUndefined, autoescape=False, finalize=_text)
    environment.globals.clear()
    for name in [name for name in environment.filters if name not in FILTERS]:
        del environment.filters[name]
    return environment


_PADDING: Final = frozenset({"format", "format_map", "center", "ljust", "rjust", "zfill", "expandtabs"})


def _text(value: Any) -> Any:
    """Lists and objects appear as JSON, everything else as Jinja2 shows it."""
    return canonical_json(value) if isinstance(value, (Mapping, list, tuple)) else value
