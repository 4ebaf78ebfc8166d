from __future__ import annotations

import pytest

from tests.clients.hostile_server import HostileServer  # the candidates meet the same server as the chat client


@pytest.fixture(scope="session")
def hostile():
    with HostileServer() as server:
        yield server


@pytest.fixture
def project(tmp_path):
    from evalharness.config.model import Config

    return Config(path="evalh.toml", root=tmp_path)


@pytest.fixture
def build(project):
    """Build a candidate from a table: ``build(use, **params)``."""
    from evalharness.candidates.registry import build_candidate
    from evalharness.candidates.table import Surroundings
    from evalharness.clients.replay import ScriptedChat
    from evalharness.core.options import RunOptions
    from evalharness.core.specs import ComponentSpec, freeze
    from evalharness.evalset.answers import load_answers

    def make(use, *, script=("answer",) * 99, untrusted=False, corpus=(), config=project, env=None, **params):
        chat = ScriptedChat(script)
        around = Surroundings(
            project=config,
            options=RunOptions(untrusted=untrusted),
            corpus=lambda: corpus,
            env=env or {},
            connect=lambda place, **facts: chat,
            load_answers=load_answers,
        )
        candidate = build_candidate(
            ComponentSpec(name="c", use=use, params=freeze(params), where="evalh.toml:7"), around
        )
        candidate.chat = chat
        return candidate

    return make
