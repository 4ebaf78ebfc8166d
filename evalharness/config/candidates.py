"""Reads ``[candidates]``: exactly one kind key each, known keys only, files that exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalharness.config.model import Config
from evalharness.config.rules import FLAG, TABLE, TEXT, TEXTS, Either, ListOf, Number, Rule
from evalharness.config.source import Table
from evalharness.core.specs import ComponentSpec, freeze


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a candidate's table."""

    rule: Rule
    text: str
    """Description for the schema and the docs."""


_TIMEOUT: Final = Key(rule=Number(above=0, high=86400), text="Seconds for one whole call; default: `defaults.timeout`.")
_INPUTS: Final = Key(rule=TEXTS, text="Globs of the code files that decide the answers; their hashes enter the digest.")
_VERSION: Final = Key(rule=TEXT, text="Version word of the code; changing it voids the recorded answers.")
_CODE: Final = {"inputs": _INPUTS, "version": _VERSION, "timeout": _TIMEOUT}
_SHARE: Final = Number(low=0, high=1)
_TOKENS: Final = Number(whole=True, low=1)

KINDS: Final[Mapping[str, Mapping[str, Key]]] = {
    "model": {
        "model": Key(rule=TEXT, text="Model name at an OpenAI-compatible endpoint."),
        "system": Key(rule=TEXT, text="System prompt: text, or a file ending in .md, .txt or .jinja."),
        "prompt": Key(rule=TEXT, text="User prompt template: text, or a file. Default: the case's input as it is."),
        "messages": Key(rule=ListOf(item=TABLE, least=1), text="Messages `{role, content}` before the case's input."),
        "base_url": Key(rule=TEXT, text="Address of the endpoint. Default: the provider's own, or OPENAI_BASE_URL."),
        "api_key_env": Key(rule=TEXT, text="Environment variable with the key; must match `*_API_KEY`."),
        "temperature": Key(rule=Number(low=0), text="Sampling temperature."),
        "top_p": Key(rule=_SHARE, text="Nucleus sampling."),
        "max_tokens": Key(rule=_TOKENS, text="Longest answer in tokens."),
        "max_completion_tokens": Key(rule=_TOKENS, text="The same for reasoning models."),
        "stop": Key(rule=Either(rules=(TEXT, TEXTS)), text="Strings that end the answer."),
        "seed": Key(
            rule=Either(rules=(FLAG, Number(whole=True, low=0))),
            text="true (default): send a seed derived for each answer; false: send none; a number: derive from it.",
        ),
        "require_finish_reason": Key(
            rule=FLAG, text="false: accept whole replies without finish_reason (some servers send none). Default: true."
        ),
        "frequency_penalty": Key(rule=Number(low=-2, high=2), text="As the endpoint defines it."),
        "presence_penalty": Key(rule=Number(low=-2, high=2), text="As the endpoint defines it."),
        "reasoning_effort": Key(rule=TEXT, text="As the endpoint defines it."),
        "response_format": Key(rule=TABLE, text="As the endpoint defines it, for example a JSON Schema."),
        "tools": Key(rule=ListOf(item=TABLE, least=1), text="Tools the model may call, as the endpoint defines them."),
        "tool_choice": Key(rule=Either(rules=(TEXT, TABLE)), text="As the endpoint defines it."),
        "extra": Key(rule=TABLE, text="Further fields of the request body, sent as they are."),
        "version": _VERSION,
        "timeout": _TIMEOUT,
    },
    "python": {
        "python": Key(rule=TEXT, text="`package.module:function`, sync or async: case -> text or Output."),
        **_CODE,
    },
    "http": {
        "http": Key(rule=TABLE, text="`{ url, body, pick }`: a JSON POST; `pick` is a JSON pointer into the reply."),
        **_CODE,
    },
    "command": {
        "command": Key(rule=ListOf(item=TEXT, least=1), text="Program and arguments; the case is JSON on stdin."),
        **_CODE,
    },
    "retriever": {
        "retriever": Key(
            rule=Either(rules=(TEXT, TABLE)),
            text='`package.module:function`, `{ url, body, pick }`, or "bm25" over the eval set\'s corpus.',
        ),
        "k": Key(rule=Number(whole=True, low=1, high=10000), text="Documents wanted."),
        "k1": Key(rule=Number(low=0), text="bm25 only: term saturation."),
        "b": Key(rule=_SHARE, text="bm25 only: length normalisation."),
        "fields": Key(
            rule=ListOf(item=TEXT, least=1),
            text='bm25 only: what is searched, `["title", "text"]`; a field named twice counts twice.',
        ),
        **_CODE,
    },
    "recorded": {
        "recorded": Key(rule=TEXT, text="JSONL file of answers: `id`, `output` and what else is known."),
    },
}
"""Kind key -> every key such a candidate may hold."""

ENDPOINT: Final[Mapping[str, Key]] = {
    "url": Key(rule=TEXT, text="Address that is called."),
    "body": Key(rule=TABLE, text="JSON body; its strings are templates over the case."),
    "pick": Key(rule=TEXT, text="JSON pointer to the answer in the reply; `*` stands for every item of a list."),
    "method": Key(rule=TEXT, text="HTTP method; default POST."),
    "headers": Key(rule=TABLE, text="Header -> value."),
}
"""Keys of the table under ``http``, and under ``retriever`` when it calls an address."""

TEXT_KEYS: Final = ("system", "prompt")
FILE_ENDINGS: Final = (".md", ".txt", ".jinja")
RESERVED: Final = ("latest", "baseline")
"""RUN words: a candidate of that name could not be told from a run."""


def read_candidate(table: Table, *, files: Config) -> ComponentSpec:
    """One candidate.

    Args:
        table: Its table.
        files: The config so far, for the files that it names.

    Raises:
        ConfigError: If it has no kind key or two, an unknown key, a wrong value, or names a file that is not there.
    """
    kinds = [key for key in table.data if key in KINDS]
    name = str(table.path[-1])
    plug_ins = [] if kinds else [key for key in table.data if key in _plug_in_kinds()]
    if name in RESERVED:
        table.refuse(None, f"{name!r} is the name of a run, not of a candidate", "choose another name")
    if len(kinds) + len(plug_ins) != 1:
        found = " and ".join(repr(kind) for kind in (*kinds, *plug_ins)) or "none"
        table.refuse(None, f"expected exactly one kind key, got {found}", f"kinds: {', '.join(KINDS)}")
    if plug_ins:  # its keys are the plug-in's own to check
        return ComponentSpec(name=name, use=plug_ins[0], params=freeze(table.data), where=table.place)
    kind = kinds[0]
    _check_kind(table, kind, files=files)
    return ComponentSpec(name=name, use=kind, params=freeze(table.data), where=table.place)


def _plug_in_kinds() -> frozenset[str]:
    """Kinds that installed packages add; looked up only where no kind of our own is named."""
    from importlib.metadata import entry_points

    return frozenset(point.name for point in entry_points(group="evalharness.candidates"))


def _check_kind(table: Table, kind: str, *, files: Config) -> None:
    """Check the keys of a candidate of our own, and the files that it names."""
    table.values({key: entry.rule for key, entry in KINDS[kind].items()})
    if kind in ("http", "retriever") and isinstance(table.data[kind], Mapping):
        endpoint = table.child(kind, example='{ url = "http://127.0.0.1:8080/answer" }')
        endpoint.values({key: entry.rule for key, entry in ENDPOINT.items()})
        endpoint.require("url")
    for key in TEXT_KEYS:
        if str(table.data.get(key, "")).endswith(FILE_ENDINGS):
            existing_file(table, key, files=files)
    if kind == "recorded":
        existing_file(table, kind, files=files)


def existing_file(table: Table, key: str, *, files: Config) -> Path:
    """The file that a key names, checked to exist inside the project.

    Raises:
        ConfigError: If it does not exist, is no file, or lies outside.
    """
    name: Any = table.data[key]
    path = files.resolve(name, where=table.where(key))
    if not path.is_file():
        problem = f"{name!r} is not a file" if path.exists() else f"no such file: {name}"
        table.refuse(key, problem, f"paths start from {files.root}")
    return path
