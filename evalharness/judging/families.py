"""Which family a model belongs to: judges favour their own (+0.14 on average, +0.21 at most; scorers.md 1.1)."""

from __future__ import annotations

import re
from typing import Final

_FAMILIES: Final = {
    "openai": r"gpt|chatgpt|o[1-9](?![a-z])|davinci|text-davinci|codex",
    "anthropic": r"claude",
    "google": r"gemini|gemma|palm|bison",
    "meta": r"llama|codellama|meta-llama",
    "mistral": r"mistral|mixtral|codestral|ministral|magistral|pixtral|devstral",
    "qwen": r"qwen|qwq|qvq",
    "deepseek": r"deepseek",
    "xai": r"grok",
    "cohere": r"command|c4ai|aya",
    "microsoft": r"phi(?![a-z])|wizardlm",
    "smollm": r"smollm|smolvlm",
    "nova": r"nova|titan",
    "granite": r"granite",
    "glm": r"glm|chatglm",
    "kimi": r"kimi|moonshot",
    "yi": r"yi(?![a-z])",
    "olmo": r"olmo|tulu|tülu",
    "nemotron": r"nemotron",
}
_STEM: Final = re.compile(r"[a-z]+(?:[-_][a-z]+)*")


def family_of(model: str) -> str:
    """The family of a model id; for unknown models the words that its name begins with, so that versions are kin.

    Args:
        model: Such as ``gpt-5-mini`` or ``meta-llama/Llama-3.1-8B-Instruct``.
    """
    name = model.strip().lower().rpartition("/")[2]
    for family, pattern in _FAMILIES.items():
        if re.match(pattern, name):
            return family
    stem = _STEM.match(name)
    return stem[0] if stem else name


FLOATING: Final = re.compile(r"(?:latest|stable|default)$")
_PINNED: Final = re.compile(
    r"20\d\d-?\d\d-?\d\d|(?:^|[-_@:])(?:\d{4}|v?\d+(?:\.\d+)+)(?:$|[-_@:])|q\d|[0-9a-f]{8,}", re.IGNORECASE
)


def floats(model: str) -> bool:
    """Whether a model id looks like an alias that the provider moves: no date, version or hash in it."""
    return bool(FLOATING.search(model)) or not _PINNED.search(model)
