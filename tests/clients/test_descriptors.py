"""Connections fit beside what is open anyway."""

import resource

import pytest

from evalharness.clients.descriptors import OTHERS, connections
from evalharness.core.errors import ConfigError


@pytest.mark.parametrize(
    ("limits", "wanted", "given", "raised"),
    [
        ((1024, 4096), 64, 64, None),
        ((64, 4096), 64, 64, 96),
        ((64, 64), 64, 32, 64),
        ((64, resource.RLIM_INFINITY), 500, 500, 532),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 500, 500, None),
        ((33, 33), 8, 1, 33),
    ],
)
def test_as_many_as_fit(monkeypatch, limits, wanted, given, raised):
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _what: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _what, pair: asked.append(pair[0]))
    assert connections(wanted) == given
    assert asked == ([] if raised is None else [raised])


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_a_limit_that_cannot_be_raised_is_kept_to(monkeypatch, error):
    def refuse(_what, _pair):
        raise error

    monkeypatch.setattr(resource, "getrlimit", lambda _what: (40, 4096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert connections(64) == 40 - OTHERS


def test_no_room_is_said_before_anything_is_asked(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (20, 20))
    monkeypatch.setattr(resource, "setrlimit", lambda _what, _pair: None)
    with pytest.raises(ConfigError, match="may have 20 files open") as caught:
        connections(8)
    assert caught.value.exit_code == 2
    assert caught.value.tip == "ulimit -n 40"
