"""Runs a function in a forked child and collects the numbers that it says, until it ends or is killed."""

import os
import resource
import traceback


def start(work, *, fault="", file_bytes=None, user=None):
    """Fork; ``work(say)`` runs in the child. Returns (pid, pipe to read)."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    status = 1
    try:
        os.close(reader)
        os.environ["EVALH_FAULT"] = fault
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        if user is not None:
            os.setuid(user)
        work(lambda word: os.write(writer, f"{word}\n".encode()))
        status = 0
    except BaseException:  # noqa: BLE001 - a child that must not run on into the test session
        traceback.print_exc()
    finally:
        os._exit(status)


def end(child):
    """Wait for it: (exit code or -signal, words said)."""
    pid, reader = child
    with os.fdopen(reader) as pipe:
        words = pipe.read().split("\n")[:-1]
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), words
