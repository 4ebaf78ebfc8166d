"""How much work a pattern can make at worst, counted on its parse tree.

A backtracking matcher tries, from every start, every way in which the repeats and alternatives of the pattern can
share out the text. For a node, ``ways`` bounds how many ends it can have from one start, and ``steps`` how many
characters it looks at to find them all; a sequence multiplies ways, an alternation adds them, a repeat of up to b
rounds of a one-way body has b + 1 of them, and a repeat of a many-way body a power. The bound is often far above the
truth and never below it, so a pattern that it clears is safe in this process and any other goes to the worker.

The parser is the interpreter's own (``re._parser``). If a version of Python has no such module, or its tree holds a
node that is not known here, the effort counts as infinite: slower, never unsafe.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

BUDGET: Final = 20_000_000
"""Steps that are taken in this process. A step is at most a nanosecond or two and the bound is hardly ever met: the
worst patterns tried took 10 ms."""

LONGEST: Final = 1 << 20
"""No text longer than this (characters) is matched in this process."""

_ONE: Final = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT", "CATEGORY", "RANGE", "FAILURE"})
_REPEATS: Final = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_LOOKS: Final = frozenset({"ASSERT", "ASSERT_NOT", "ATOMIC_GROUP"})


@lru_cache(maxsize=256)
def safe_length(pattern: str, flags: int = 0) -> int:
    """The longest text (characters) that the pattern surely searches within ``BUDGET`` steps; -1 for none.

    Args:
        pattern: A pattern that compiles.
        flags: Flags of ``re``, as a number.
    """
    try:
        tree = import_module("re._parser").parse(pattern, flags)
    except (ImportError, AttributeError):
        return -1
    length = LONGEST
    while length and (length + 1) * _steps_and_ways(tree, length)[0] > BUDGET:
        length //= 2
    return length or -1


def _steps_and_ways(nodes: Iterable[Any], length: int) -> tuple[float, float]:
    """(steps, ways) of a sequence of nodes from one start, for texts of up to ``length`` characters."""
    steps, ways = 1.0, 1.0
    for operator, argument in nodes:
        node_steps, node_ways = _node(str(operator), argument, length)
        steps += ways * node_steps
        ways *= node_ways
    return steps, ways


def _node(operator: str, argument: Any, length: int) -> tuple[float, float]:
    if operator in _ONE:
        return 1.0, 1.0
    if operator == "SUBPATTERN":
        return _steps_and_ways(argument[3], length)
    if operator in _LOOKS:
        body = argument if operator == "ATOMIC_GROUP" else argument[1]
        return _steps_and_ways(body, length)
    if operator == "BRANCH":
        parts = [_steps_and_ways(branch, length) for branch in argument[1]]
        return sum(steps for steps, _ in parts), sum(ways for _, ways in parts)
    if operator in _REPEATS:
        least, most, body = argument
        return _repeat(_steps_and_ways(body, length), rounds=(min(int(least), length), min(int(most), length)))
    return math.inf, math.inf  # back-references, conditions, and what a later Python may bring


def _repeat(body: tuple[float, float], *, rounds: tuple[int, int]) -> tuple[float, float]:
    steps, ways = body
    least, most = rounds
    if ways <= 1.0:
        return 1.0 + most * steps, most - least + 1.0
    if most * math.log(ways) > math.log(BUDGET) + 1.0:
        return math.inf, math.inf
    paths = sum(ways**done for done in range(most + 1))
    return 1.0 + paths * steps, paths
