"""What tokens cost: the config's word, nothing on this machine, else what a price table knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from evalharness.core.endpoints import Address

Price: TypeAlias = tuple[float, float]
"""(input, output) US dollars per million tokens."""
PriceTable: TypeAlias = Callable[[str, Address], Price | None]
"""Model and endpoint -> price; None where it does not know it."""


def no_table(_model: str, _place: Address) -> Price | None:
    """A price table without any price."""
    return None


def price_of(model: str, place: Address, *, own: Mapping[str, Price], table: PriceTable) -> Price | None:
    """The price of a model at an endpoint.

    Args:
        model: Its name, as requests name it.
        place: Where it is asked.
        own: Prices of the config, by model; they win.
        table: Asked last, and never about this machine, where calls cost nothing.

    Returns:
        None when nobody knows.
    """
    price = own.get(model)
    if price is not None:
        return price
    return (0.0, 0.0) if place.loopback else table(model, place)
