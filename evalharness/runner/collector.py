"""Python's collector of reference cycles, while a run asks: it looks less often.

A call leaves a dozen objects in cycles, but a run keeps a hundred for each answer; at Python's own pace the collector
walks through those again and again, for a tenth of the run's CPU. Looking after 20,000 new objects instead of 700 leaves
a few megabytes lying about for a while.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

NEW_OBJECTS: Final = 20_000
"""Objects made, and not freed, between two looks at the young ones."""


@contextmanager
def rarer_collections() -> Iterator[None]:
    """Collect rarely inside; the pace of before comes back, whatever happens. Where it is slower already, it stays."""
    before = gc.get_threshold()
    if 0 < before[0] < NEW_OBJECTS:
        gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
