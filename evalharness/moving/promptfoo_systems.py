"""promptfoo's providers and prompts as candidates: a candidate for each pair, its prompt in a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evalharness.core.strictjson import StrictJSONError, loads
from evalharness.moving.documents import beside, read_source, text_of
from evalharness.moving.moved import Ledger
from evalharness.moving.yamlfile import Yaml

_OPENAI: Final = re.compile(r"openai:(?:(?:chat|responses|completion):)?(?P<model>[A-Za-z0-9][\w.:/-]*)")
_SETTINGS: Final = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_completion_tokens",
    "top_p": "top_p",
    "stop": "stop",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "reasoning_effort": "reasoning_effort",
    "response_format": "response_format",
    "tools": "tools",
    "tool_choice": "tool_choice",
    "apiBaseUrl": "base_url",
}
_READABLE: Final = (".txt", ".md", ".json", ".j2")
_KEY: Final = re.compile(r"[A-Z0-9_]*_API_KEY")


def candidates_of(config: Yaml, folder: Path, ledger: Ledger, *, variables: Sequence[str]) -> dict[str, Any]:
    """``candidates`` (tables by name) and ``files`` (path -> text) of a config.

    Args:
        config: The whole config.
        folder: Where its files lie.
        ledger: The account.
        variables: Names that the cases' inputs have: each prompt is told them.
    """
    models = _models(config, ledger)
    prompts = _prompts(config, folder, ledger)
    candidates: dict[str, dict[str, Any]] = {}
    files: dict[str, str] = {}
    for number, prompt in enumerate(prompts, 1):
        suffix = f"-{number}" if len(prompts) > 1 else ""
        parts = _parts(prompt, f"prompts/promptfoo{suffix}", variables, files)
        for model, table in models.items():
            candidates[f"{model}{suffix}"] = {**table, **parts}
    return {"candidates": candidates, "files": files}


def _models(config: Yaml, ledger: Ledger) -> dict[str, dict[str, Any]]:
    models: dict[str, dict[str, Any]] = {}
    key = "providers" if "providers" in config.value else "targets"
    found = config.value.get(key) or []
    for index, provider in enumerate(found if isinstance(found, list) else [found]):
        place = config.place(key, index)
        name, settings = _provider(provider)
        match = _OPENAI.fullmatch(name)
        if match is None:
            why = "not at an OpenAI-compatible endpoint: write a candidate (python, http, command, or model with base_url)"
            ledger.drop(f"provider {name[:60]}", why, place)
            continue
        table = {"model": match["model"]} | _settings(settings, ledger, place)
        whole = provider if isinstance(provider, Mapping) and "id" in provider else {}
        for key in sorted(map(str, whole.keys() - {"id", "config", "label"})):
            ledger.drop(f"provider {key}", "a candidate has no such key", place)
        label = whole.get("label")
        if label:
            ledger.change("provider label", "the candidate's name", place)
        models[_name(str(label or match["model"]), models)] = table
        ledger.keep(f"provider {name[:60]}", place)
    return models


def _provider(provider: Any) -> tuple[str, Mapping[str, Any]]:
    """Its id and settings, from the three ways to write one."""
    if isinstance(provider, str):
        return provider, {}
    if isinstance(provider, Mapping):
        table = (
            provider
            if "id" in provider
            else {"id": next(iter(provider), ""), **_mapping(next(iter(provider.values()), {}))}
        )
        return str(table.get("id")), _mapping(table.get("config"))
    return str(provider), {}


def _settings(settings: Mapping[str, Any], ledger: Ledger, place: str) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "apiKeyEnvar" and isinstance(value, str) and _KEY.fullmatch(value):
            table["api_key_env"] = value
            ledger.change(f"provider config.{key}", "api_key_env", place)
        elif key in _SETTINGS and not (isinstance(value, str) and ("{{" in value or value.startswith("file://"))):
            table[_SETTINGS[key]] = value
            ledger.keep(f"provider config.{key}", place)
        else:
            ledger.drop(f"provider config.{key}", "a candidate has no such key, or it is a key or a template", place)
    return table


def _prompts(config: Yaml, folder: Path, ledger: Ledger) -> list[str]:
    prompts: list[str] = []
    found = config.value.get("prompts") or []
    for index, prompt in enumerate(found if isinstance(found, list) else [found]):
        place = config.place("prompts", index)
        if isinstance(prompt, Mapping):
            for key in sorted(map(str, prompt.keys() - {"raw", "id"})):
                ledger.drop(f"prompt {key}", "a candidate is named by its provider and the prompt's number", place)
        raw = prompt.get("raw", prompt.get("id")) if isinstance(prompt, Mapping) else prompt
        if not isinstance(raw, str):
            ledger.drop("prompt", "it is no text", place)
        elif raw.startswith("file://") or raw.endswith(_READABLE):
            path = beside(folder, raw)
            if path.suffix not in _READABLE or not path.is_file():
                ledger.drop(
                    f"prompt {raw[:60]}", "code and missing files are not read: only .txt, .md, .json, .j2", place
                )
                continue
            prompts.append(text_of(read_source(path), str(path)))
            ledger.keep(f"prompt {raw[:60]}", place)
        else:
            prompts.append(raw)
            ledger.change("prompt", "written into a file of its own, with its variables on top", place)
    return prompts


def _parts(prompt: str, stem: str, variables: Sequence[str], files: dict[str, str]) -> dict[str, Any]:
    """The prompt's keys of a candidate; chat prompts are split into system and user."""
    head = "".join(f"{{%- set {name} = input.{name} -%}}\n" for name in variables if name.isidentifier())
    messages = _chat(prompt)
    if messages is None:
        files[f"{stem}.jinja"] = head + prompt
        return {"prompt": f"{stem}.jinja"}
    parts: dict[str, Any] = {}
    system = [message["content"] for message in messages if message["role"] in ("system", "developer")]
    rest = [message for message in messages if message["role"] not in ("system", "developer")]
    if system:
        files[f"{stem}-system.jinja"] = head + "\n\n".join(system)
        parts["system"] = f"{stem}-system.jinja"
    if rest:
        files[f"{stem}.jinja"] = head + rest[-1]["content"]
        parts["prompt"] = f"{stem}.jinja"
    if rest[:-1]:
        parts["messages"] = [{**message, "content": head + message["content"]} for message in rest[:-1]]
    return parts


def _chat(prompt: str) -> list[dict[str, str]] | None:
    """The messages of a chat prompt written as JSON, or None for a plain one."""
    if not prompt.lstrip().startswith("["):
        return None
    try:
        value = loads(prompt)
    except StrictJSONError:
        return None
    whole = isinstance(value, list) and all(
        isinstance(item, dict) and isinstance(item.get("role"), str) and isinstance(item.get("content"), str)
        for item in value
    )
    return [{"role": item["role"], "content": item["content"]} for item in value] if whole and value else None


def _name(text: str, taken: Mapping[str, Any]) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "model"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
