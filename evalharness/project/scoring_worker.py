"""A process that computes scores for another: ``python -m evalharness.project.scoring_worker``, spoken to by ``scoring_pool``.

Messages are JSON, each behind its length in four bytes. It ends when its input does, so it never outlives who started it.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from evalharness.core.cases import Case
from evalharness.core.errors import EvalhError
from evalharness.core.protocols import ScorerSpec
from evalharness.core.results import Output, Score, ScoreResult, score_result_to_json
from evalharness.core.specs import ComponentSpec, freeze, thaw


def send(stream: IO[bytes], message: Any) -> None:
    """Write one message."""
    data = json.dumps(message, allow_nan=False, separators=(",", ":"), default=thaw).encode("ascii")
    stream.write(len(data).to_bytes(4, "big") + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message.

    Raises:
        EOFError: If the other side has ended.
    """
    head = stream.read(4)
    data = stream.read(int.from_bytes(head, "big")) if len(head) == 4 else b""
    if not data:
        raise EOFError
    return json.loads(data)


def spec_to_json(spec: ScorerSpec) -> dict[str, Any]:
    """A scorer's spec as a message carries it."""
    rest = {name: thaw(getattr(spec, name)) for name in ("threshold", "weight", "negate", "metric", "extra")}
    return {"component": {**spec.component.to_json(), "where": spec.component.where}, **rest}


def spec_from_json(data: Mapping[str, Any]) -> ScorerSpec:
    """The opposite of :func:`spec_to_json`."""
    component = data["component"]
    rest = {name: freeze(value) for name, value in data.items() if name != "component"}
    return ScorerSpec(component=ComponentSpec(**{**component, "params": freeze(component["params"])}), **rest)


def packed(result: ScoreResult) -> str:
    """A result with the signatures of its scores, as JSON.

    Raises:
        TypeError: If its evidence holds anything but JSON values.
        ValueError: If a number in it is not finite.
    """
    data = {"result": score_result_to_json(result), "signatures": signatures(result)}
    return json.dumps(data, allow_nan=False, separators=(",", ":"), default=thaw)


def signatures(result: ScoreResult) -> Any:
    """``[own, {part: ...}]`` of a score; None of anything else."""
    if not isinstance(result, Score):
        return None
    return [result.signature, {name: signatures(part) for name, part in result.parts.items()}]


def serve(read: IO[bytes], write: IO[bytes]) -> None:
    """Build scorers and score, until the input ends."""
    from evalharness.runner.scoring import Scoring
    from evalharness.scorers.registry import build_scorer

    ready: dict[str, Scoring] = {}
    while True:
        try:
            message = receive(read)
        except EOFError:
            return
        name = message["scorer"]
        if name not in ready:
            ready[name] = Scoring([build_scorer(spec_from_json(message["spec"]), root=Path(message["root"]))])
        send(write, _scores(ready[name], name, message["pairs"]))


def _scores(scoring: Any, name: str, pairs: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for output, case in pairs:
        try:
            found.append(packed(scoring.pure(Output.from_json(output), Case.from_json(case))[name]))
        except (EvalhError, TypeError, ValueError):
            found.append(None)  # scored again where it can be raised, or kept as it is
    return found


def main() -> None:
    """Serve on what were standard input and output; what a scorer prints goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the other process's to answer
    write = sys.stdout.buffer
    sys.stdout = sys.stderr
    serve(sys.stdin.buffer, write)


if __name__ == "__main__":
    main()
