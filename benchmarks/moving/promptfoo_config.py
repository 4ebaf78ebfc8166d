"""A promptfoo config of 22 assertion types over 61 tests, five of which fail: python benchmarks/moving/promptfoo_config.py FILE

Its answers stand in it (``providerOutput``), so that promptfoo itself and evalh judge the same texts:

    npx promptfoo eval -c promptfooconfig.json -o results.json --no-cache
    evalh init shop --from promptfoo promptfooconfig.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ZONES = {"Spain": 1, "Italy": 1, "Malta": 2, "Iceland": 2, "Norway": 2}


def test_of(country: str, kilos: int) -> dict[str, Any]:
    """One parcel. Those of five kilos are answered with the wrong price."""
    price = 4 + 3 * kilos * ZONES[country]
    right = f"A parcel of {kilos} kg to {country} costs {price} euros."
    return {
        "description": f"{kilos} kg to {country}",
        "vars": {"kilos": kilos, "country": country},
        "providerOutput": right.replace(f" {price} ", f" {price + 1} ") if kilos == 5 else right,
        "assert": [
            {"type": "contains", "value": f"{price} euros"},
            {"type": "icontains", "value": "{{country}}"},
            {"type": "contains-any", "value": ["euro", "EUR"]},
            {"type": "contains-all", "value": ["parcel", "{{kilos}} kg"]},
            {"type": "icontains-any", "value": ["COSTS", "PRICE"]},
            {"type": "icontains-all", "value": ["KG", "EUROS"]},
            {"type": "starts-with", "value": "A parcel"},
            {"type": "regex", "value": r"\d+ euros\.$"},
            {"type": "levenshtein", "threshold": 12, "value": right},
            {"type": "word-count", "value": {"min": 5, "max": 12}},
            {"type": "not-is-refusal"},
            {"type": "assert-set", "assert": [
                {"type": "not-contains", "value": "dollar"},
                {"type": "not-regex", "value": "free of charge"},
            ]},
            {"type": "rouge-n", "threshold": 0.5, "value": right},
        ],
    }  # fmt: skip


def config() -> dict[str, Any]:
    """The whole config."""
    as_json = {
        "description": "as JSON",
        "vars": {"kilos": 1, "country": "Spain as JSON"},
        "providerOutput": '{"euros": 7}',
        "assert": [
            {"type": "is-json", "value": {"type": "object", "required": ["euros"]}},
            {"type": "contains-json"},
            {"type": "equals", "value": {"euros": 7}},
            {"type": "javascript", "value": "output.length < 99"},
            {"type": "llm-rubric", "value": "States one price"},
        ],
    }
    everywhere = [
        {"type": "latency", "threshold": 5000},
        {"type": "cost", "threshold": 0.01},
        {"type": "not-contains", "value": "as an AI"},
    ]
    return {
        "description": "Shipping",
        "prompts": ["What does a parcel of {{kilos}} kg cost to {{country}}?"],
        "providers": ["echo"],
        "defaultTest": {"assert": everywhere},
        "tests": [*(test_of(country, kilos) for country in ZONES for kilos in range(1, 13)), as_json],
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(config(), indent=1) + "\n", encoding="utf-8")
