"""Logs of shadow traffic in the four trace formats, and what is in them, counted without any code of evalharness.

python tests/moving/shadow_logs.py FOLDER [ROWS]

Two systems get the same requests; the new one refuses a few per cent more. Some requests are in one log alone, some are
logged twice, some have no key, and every log holds records that are no call of a model. ``truth.json`` says how many
pairs there are, counted from the files by their lines and brackets, not from the lists they were made from.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

FORMATS = ("otel", "openinference", "langfuse", "litellm")
QUESTIONS = (
    "When do you open?",
    "Can I return a lamp?",
    "Where is my order?",
    "Do you ship to Norway?",
    "How do I pay?",
)
ANSWERS = ("We open at 9.", "Yes, within 30 days.", "It is on its way.", "Yes, in five days.", "By card or invoice.")
START = 1_790_000_000


def requests(rows: int, side: str, seed: int = 7) -> list[dict[str, Any]]:
    """What one system was asked, and what it said: the same requests on both sides but for the edges."""
    made = []
    for number in range(rows):
        shared = random.Random(f"{seed} {number}")
        own = random.Random(f"{seed} {side} {number}")
        lost = number % 60 == (3 if side == "old" else 5)  # in one log alone
        which = shared.randrange(len(QUESTIONS))
        refuses = own.random() < (0.02 if side == "old" else 0.06)
        made.append(
            {
                "key": f"{'only-' + side if lost else 'req'}-{number:05d}" if number % 97 else None,
                "question": f"{QUESTIONS[which]} My mail is user{number % 50}@shop.example, order {number}.",
                "answer": "I cannot help with that." if refuses else f"{ANSWERS[which]} (order {number})",
                "start": START + number,
                "seconds": round(0.5 + own.random() * (1.0 if side == "old" else 1.4), 3),
                "cost": 0.001 + own.randrange(5) / 10_000,
                "tokens": (20 + which, 8 + own.randrange(20)),
                "thumb": None if number % 50 else ("up" if own.random() < 0.5 else "down"),
            }
        )
    repeated = [dict(row) for row in made if row["key"] and int(row["key"][-5:]) % 211 == 7]
    return made + repeated


# --- one format each --------------------------------------------------------------------------------------------------


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": value}


def _otlp(index: int, row: dict[str, Any], attributes: dict[str, Any], name: str) -> str:
    pairs = [{"key": key, "value": _value(value)} for key, value in attributes.items()]
    span = {
        "traceId": f"{index:032x}",
        "spanId": f"{index:016x}",
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(row["start"] * 10**9),
        "endTimeUnixNano": str(row["start"] * 10**9 + int(row["seconds"] * 10**9)),
        "attributes": pairs,
        "status": {},
    }
    tool = {
        **span,
        "spanId": f"{index + 10**9:016x}",
        "name": "lookup",
        "attributes": [{"key": "tool", "value": _value("lookup")}],
    }
    spans = [span, tool] if index % 10 == 0 else [span]
    group = {"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "shop"}, "spans": spans}]}
    return json.dumps({"resourceSpans": [group]})


def otel(index: int, row: dict[str, Any]) -> str:
    turn = [{"role": "user", "parts": [{"type": "text", "content": row["question"]}]}]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": row["answer"]}], "finish_reason": "stop"}]
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.usage.input_tokens": row["tokens"][0],
        "gen_ai.usage.output_tokens": row["tokens"][1],
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.system_instructions": '[{"type": "text", "content": "You are a shop."}]',
        "gen_ai.input.messages": json.dumps(turn),
        "gen_ai.output.messages": json.dumps(said),
    }
    if row["key"]:
        attributes["app.request_id"] = row["key"]
    return _otlp(index, row, attributes, "chat gpt-5-mini")


def openinference(index: int, row: dict[str, Any]) -> str:
    facts = {"request_id": row["key"]} if row["key"] else {}
    if row["thumb"]:
        facts["user_feedback"] = row["thumb"]
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-5-mini",
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "You are a shop.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": row["question"],
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": row["answer"],
        "llm.token_count.prompt": row["tokens"][0],
        "llm.token_count.completion": row["tokens"][1],
        "llm.cost.total": row["cost"],
        "metadata": json.dumps(facts),
    }
    return _otlp(index, row, attributes, "ChatCompletion")


def langfuse(index: int, row: dict[str, Any]) -> str:
    record = {
        "id": f"obs-{index}",
        "traceId": f"trace-{index}",
        "type": "GENERATION" if index % 10 else "AGENT",
        "name": "answer",
        "startTime": _iso(row["start"]),
        "endTime": _iso(row["start"] + row["seconds"]),
        "model": "gpt-5-mini",
        "input": [{"role": "system", "content": "You are a shop."}, {"role": "user", "content": row["question"]}],
        "output": {"role": "assistant", "content": row["answer"]},
        "metadata": {"request_id": row["key"]} if row["key"] else {},
        "usageDetails": {"input": row["tokens"][0], "output": row["tokens"][1], "total": sum(row["tokens"])},
        "totalCost": row["cost"],
        "level": "DEFAULT",
        "scores": [{"name": "user-feedback", "value": 1 if row["thumb"] == "up" else 0, "source": "API"}]
        if row["thumb"]
        else [],
    }
    if index % 10:
        return json.dumps(record)
    span = {
        "id": f"span-{index}",
        "traceId": f"trace-{index}",
        "type": "SPAN",
        "startTime": _iso(row["start"]),
        "name": "lookup",
    }
    return json.dumps(record) + "\n" + json.dumps(span)


def litellm(index: int, row: dict[str, Any]) -> str:
    record = {
        "id": f"chatcmpl-{index}",
        "trace_id": f"t-{index}",
        "call_type": "acompletion",
        "response_cost": row["cost"],
        "status": "success",
        "prompt_tokens": row["tokens"][0],
        "completion_tokens": row["tokens"][1],
        "startTime": float(row["start"]),
        "endTime": row["start"] + row["seconds"],
        "model": "gpt-5-mini",
        "messages": [{"role": "system", "content": "You are a shop."}, {"role": "user", "content": row["question"]}],
        "response": {
            "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": row["answer"]}}]
        },
        "metadata": {
            "requester_metadata": {"request_id": row["key"], **({"thumbs": row["thumb"]} if row["thumb"] else {})}
        },
    }
    if index % 10:
        return json.dumps(record)
    return json.dumps(record) + "\n" + json.dumps({**record, "id": f"emb-{index}", "call_type": "aembedding"})


def _iso(seconds: float) -> str:
    import datetime as dt

    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")


KEYS = {
    "otel": "app.request_id",
    "openinference": "metadata.request_id",
    "langfuse": "metadata.request_id",
    "litellm": "metadata.request_id",
}


# --- counted again, from the bytes ------------------------------------------------------------------------------------

_KEY = re.compile(r"(?:req|only-old|only-new)-\d{5}")


def keys_in(path: Path) -> Counter[str]:
    """Keys by how many calls hold them: one call a line; a second record on a line is none (tools, embeddings)."""
    found: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        if '"type": "SPAN"' in line or '"aembedding"' in line:
            continue
        found.update(set(_KEY.findall(line)))
    return found


def truth(old: Path, new: Path) -> dict[str, int]:
    before, after = keys_in(old), keys_in(new)
    twice = {key for side in (before, after) for key, count in side.items() if count > 1}
    once_old, once_new = set(before) - twice, set(after) - twice
    return {
        "pairs": len(once_old & once_new),
        "only_old": len(once_old - once_new),
        "only_new": len(once_new - once_old),
        "repeated": len(twice),
    }


def write(folder: Path, rows: int) -> dict[str, dict[str, int]]:
    folder.mkdir(parents=True, exist_ok=True)
    counted = {}
    for name in FORMATS:
        paths = {}
        for side in ("old", "new"):
            lines = [globals()[name](index, row) for index, row in enumerate(requests(rows, side))]
            paths[side] = folder / f"{name}-{side}.jsonl"
            paths[side].write_text("\n".join(lines) + "\n", encoding="utf-8")
        counted[name] = truth(paths["old"], paths["new"])
    (folder / "truth.json").write_text(json.dumps(counted, indent=1) + "\n", encoding="utf-8")
    return counted


if __name__ == "__main__":
    print(json.dumps(write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000), indent=1))
