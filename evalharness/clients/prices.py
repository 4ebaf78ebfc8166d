"""Prices of the optional package ``genai-prices``. The only file that imports it, and only for a model without a price.

Its table is part of the package, so looking up asks no network. What a price depends on (the length of the prompt, the
hour of the day) is not known before the calls, so the dearest one counts: a cap that holds at it holds.
"""

from __future__ import annotations

from typing import Any, Final

from evalharness.core.endpoints import Address
from evalharness.core.prices import Price

_MILLION: Final = 1_000_000
_SIZES: Final = (1_000, _MILLION)
"""Tokens in and out of a small call and of one that is longer than any: prices go by steps of the length."""


class ListedPrices:
    """A price table for a command; remembers what it told."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}
        """Model -> a sentence with its price and where that is from."""

    def __call__(self, model: str, place: Address) -> Price | None:
        """The dearest price of a model at an endpoint.

        Returns:
            None where the package is not installed or does not know the model there, or where calls cost more than
            their tokens.
        """
        try:
            import genai_prices
        except ImportError:
            return None
        price = _dearest(genai_prices, model, place)
        if price is not None:
            self.told[model] = (
                f"price of {model!r}: ${price[0]:g} in, ${price[1]:g} out per million tokens at most, "
                f"from genai-prices {genai_prices.__version__}"
            )
        return price


def _dearest(package: Any, model: str, place: Address) -> Price | None:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    calls = [(tokens, now.replace(hour=hour)) for hour in range(24) for tokens in _SIZES]
    try:
        found = [
            package.calc_price(
                package.Usage(input_tokens=tokens, output_tokens=tokens),
                model,
                provider_api_url=place.url,
                genai_request_timestamp=moment,
            )
            for tokens, moment in calls
        ]
    except LookupError:
        return None
    if any(one.total_price != one.input_price + one.output_price for one in found):
        return None
    shares = [_MILLION / tokens for tokens, _ in calls]
    return (
        max(float(one.input_price) * share for one, share in zip(found, shares, strict=True)),
        max(float(one.output_price) * share for one, share in zip(found, shares, strict=True)),
    )
