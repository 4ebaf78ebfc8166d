"""Prices that the config does not name: from the optional package's table, the dearest that may count, never guessed."""

from __future__ import annotations

import socket
import sys
from datetime import UTC, time
from decimal import Decimal

import pytest

from evalharness.clients.prices import ListedPrices
from evalharness.core.endpoints import address
from evalharness.core.prices import no_table, price_of

PLACE = address("https://models.example/v1", where="test")


@pytest.fixture
def listed(monkeypatch):
    """A table with models of our own, so that no real price is part of a test; nothing may connect."""
    from genai_prices import data_snapshot, types

    def refuse(*_):
        raise AssertionError("prices are looked up without a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    steps = types.TieredPrices(base=Decimal(3), tiers=[types.Tier(start=200_000, price=Decimal(6))])
    night = types.TimeOfDateConstraint(start_time=time(1, tzinfo=UTC), end_time=time(9, tzinfo=UTC))
    prices = {
        "flat": types.ModelPrice(input_mtok=Decimal("0.25"), output_mtok=Decimal(2)),
        "steps": types.ModelPrice(input_mtok=steps, output_mtok=Decimal(15)),
        "night": [
            types.ConditionalPrice(prices=types.ModelPrice(input_mtok=Decimal(4), output_mtok=Decimal(8))),
            types.ConditionalPrice(
                constraint=night, prices=types.ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(9))
            ),
        ],
        "request": types.ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(1), requests_kcount=Decimal(14)),
        "embedding": types.ModelPrice(input_mtok=Decimal("0.02")),
    }
    models = [
        types.ModelInfo(id=name, match=types.ClauseEquals(equals=name), prices=price) for name, price in prices.items()
    ]
    provider = types.Provider(id="p", name="P", api_pattern=r"https://models\.example", models=models)
    data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot(providers=[provider], from_auto_update=False))
    yield ListedPrices()
    data_snapshot.set_custom_snapshot(None)


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("flat", (0.25, 2.0)),
        ("steps", (6.0, 15.0)),
        ("night", (4.0, 9.0)),
        ("embedding", (0.02, 0.0)),
        ("request", None),
        ("unheard-of", None),
    ],
)
def test_the_dearest_price_counts_and_what_is_not_by_tokens_has_none(listed, model, price):
    assert listed(model, PLACE) == (None if price is None else pytest.approx(price))
    assert (model in listed.told) == (price is not None)


def test_where_a_price_is_from_is_told_with_its_version(listed):
    import genai_prices

    listed("flat", PLACE)
    assert listed.told == {
        "flat": "price of 'flat': $0.25 in, $2 out per million tokens at most, "
        f"from genai-prices {genai_prices.__version__}"
    }


def test_the_same_model_elsewhere_may_cost_something_else(listed):
    assert listed("flat", address("https://proxy.example/v1", where="test")) is None


def test_without_the_package_nothing_is_known(listed, monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert listed("flat", PLACE) is None


def test_a_price_of_the_packages_own_table():
    price = ListedPrices()("gpt-4o-mini", address("https://api.openai.com/v1", where="test"))
    assert price is not None
    assert 0 < price[0] < price[1] < 1000


def test_the_config_wins_and_this_machine_is_free():
    def asked(_model, _place):
        raise AssertionError("not asked")

    here = address("http://127.0.0.1:8000/v1", where="test")
    assert price_of("m", PLACE, own={"m": (1.0, 2.0)}, table=asked) == (1.0, 2.0)
    assert price_of("m", here, own={"m": (1.0, 2.0)}, table=asked) == (1.0, 2.0)
    assert price_of("m", here, own={}, table=asked) == (0.0, 0.0)
    assert price_of("m", PLACE, own={}, table=no_table) is None
    assert price_of("m", PLACE, own={}, table=lambda _model, _place: (3.0, 4.0)) == (3.0, 4.0)
