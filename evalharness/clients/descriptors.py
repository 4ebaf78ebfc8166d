"""How many connections fit beside what a process has open anyway, so that none of them fails for want of a file descriptor."""

from __future__ import annotations

from typing import Final

from evalharness.core.errors import ConfigError

OTHERS: Final = 32
"""Files and pipes that a run has open beside its connections: the store, the standard streams, the event loop, workers."""


def connections(wanted: int) -> int:
    """Connections that may be open at a time, at most ``wanted``.

    Raises this process's own limit (``ulimit -n``) where the system lets it.

    Args:
        wanted: >= 1.

    Raises:
        ConfigError: If there is room for none.
    """
    import resource

    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHERS
    if allowed == resource.RLIM_INFINITY:
        return wanted
    if allowed < needed:
        raised = needed if most == resource.RLIM_INFINITY else min(needed, most)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, most))
            allowed = raised
        except (OSError, ValueError):  # the system has a limit of its own below the one that it names
            pass
    if allowed <= OTHERS:
        raise ConfigError(
            f"this process may have {allowed} files open, and a run needs {OTHERS + 1}",
            tip=f"ulimit -n {needed}",
        )
    return min(wanted, allowed - OTHERS)
