"""Record what SmolLM2-135M-Instruct really answers to an eval set, as an answers file.

Starts the model server of ``tests/e2e/serve.py``, sends every case once at temperature 0 and writes one line a case in the
eval set's order: ``{"id", "output", "finish_reason", "usage", "latency_s", "model"}``. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import openai

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import serve  # noqa: E402  (found through the line above: tests are not an installed package)

PROMPTS = {"few-shot": "few_shot.txt", "zero-shot": "zero_shot.txt"}
DECODING: dict[str, Any] = {"model": serve.MODEL, "temperature": 0, "max_tokens": 14}


async def ask(client: openai.AsyncOpenAI, prompt: str, style: str) -> tuple[str, Any]:
    """Few-shot goes out as plain text to be completed up to the line's end, zero-shot as one chat message."""
    if style == "few-shot":
        reply = await client.completions.create(prompt=prompt, stop=["\n"], **DECODING)
        return reply.choices[0].text, reply
    chat = await client.chat.completions.create(messages=[{"role": "user", "content": prompt}], **DECODING)
    return chat.choices[0].message.content or "", chat


async def record(cases: list[dict[str, Any]], *, base_url: str, style: str, concurrency: int) -> list[dict[str, Any]]:
    """Answer every case, at most ``concurrency`` at a time; lines in the order of ``cases``."""
    template = (Path(__file__).parent / PROMPTS[style]).read_text(encoding="utf-8").rstrip("\n")
    client = openai.AsyncOpenAI(base_url=base_url, api_key="unused", max_retries=0)
    slots = asyncio.Semaphore(concurrency)

    async def line(case: dict[str, Any]) -> dict[str, Any]:
        async with slots:
            started = time.perf_counter()
            output, reply = await ask(client, template.replace("{{ input }}", case["input"]), style)
            usage = {"prompt_tokens": reply.usage.prompt_tokens, "completion_tokens": reply.usage.completion_tokens}
            return {
                "id": case["id"],
                "output": output,
                "finish_reason": reply.choices[0].finish_reason,
                "usage": usage,
                "latency_s": round(time.perf_counter() - started, 3),
                "model": reply.model,
            }

    return await asyncio.gather(*(line(case) for case in cases))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("style", choices=PROMPTS)
    parser.add_argument("out", type=Path, help="answers file to write")
    parser.add_argument("--set", type=Path, default=ROOT / "evalsets" / "demo-qa.jsonl")
    parser.add_argument("--concurrency", type=int, default=4)
    arguments = parser.parse_args()
    cases = [json.loads(line) for line in arguments.set.read_text(encoding="utf-8").splitlines()]
    with serve.running(slots=arguments.concurrency) as base_url:
        work = record(cases, base_url=base_url, style=arguments.style, concurrency=arguments.concurrency)
        lines = asyncio.run(work)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
