"""Makes docs/cli.md and docs/config.md: ``python docs/tools/make_reference.py``. A test fails when they are stale."""  # noqa: INP001 - a script

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evalharness.cli.help_topics import TOPICS
from evalharness.cli.parser import group_text, help_text
from evalharness.cli.tree import OVERVIEW, VERBS
from evalharness.config.schema import config_schema

FOLDER = Path(__file__).parents[1]
MADE = "<!-- made by docs/tools/make_reference.py; change the code, not this page -->"


def cli() -> str:
    """docs/cli.md: the overview, every command's help, every topic."""
    parts = [MADE, "# Command line", _block(OVERVIEW)]
    for verb in VERBS:
        group = verb.name.partition(" ")[0]
        if group != verb.name and f"## evalh {group}" not in parts:
            parts += [f"## evalh {group}", _block(group_text(group))]
        parts += [f"## evalh {verb.name}", _block(help_text(verb))]
    parts.append("# Topics")
    for name, text in TOPICS.items():
        parts += [f"## evalh help {name}", _block(text)]
    return "\n\n".join(parts) + "\n"


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"


def config() -> str:
    """docs/config.md: every table and key, from the schema."""
    schema = config_schema()["properties"]
    parts = [MADE, "# Config", _block(TOPICS["config"])]
    for section, entry in schema.items():
        name = "defaults" if section == "defaults" else section
        title = f"`{name}`" if section in ("version", "defaults") else f"`[{name}]`"
        parts += [f"## {title}", entry["description"]]
        if section == "version":
            parts.append(f"Must be `{entry['const']}`; may be left out.")
        elif section == "candidates":
            for kind in entry["additionalProperties"]["oneOf"]:
                parts += [f"### `{kind['title']}`", *_table(kind)]
        elif section == "gates":
            parts += ["### A gate", *_table(entry["additionalProperties"]), "### A limit", _limit_text()]
            parts += _table(_limit(entry["additionalProperties"]))
        elif section == "defaults":
            parts += _table(entry)
        else:
            parts += _table(entry["additionalProperties"])
    return "\n\n".join(parts) + "\n"


def _limit(gate: Mapping[str, Any]) -> Mapping[str, Any]:
    limit: Mapping[str, Any] = gate["properties"]["limits"]["additionalProperties"]["anyOf"][0]
    return limit


def _limit_text() -> str:
    return (
        "`limits` and each field of `slices` hold scorer names with one of these tables; a bare number is the margin."
    )


def _table(schema: Mapping[str, Any]) -> Iterator[str]:
    """A Markdown table of the keys of one table of the config."""
    rows = ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
    for key, entry in schema["properties"].items():
        required = "required" if key in schema.get("required", ()) else ""
        default = f"`{json.dumps(entry['default'])}`" if "default" in entry else required
        rows.append(f"| `{key}` | {_kind(entry)} | {default} | {_cell(entry.get('description', ''))} |")
    if schema["additionalProperties"] is True:
        rows.append("| ... | | | Parameters of the scorer word. |")
    yield "\n".join(rows)
    for key, entry in schema["properties"].items():
        for inner in (entry, *entry.get("anyOf", ())):
            if inner.get("properties"):
                yield f"Keys of the table under `{key}`:"
                yield from _table(inner)


def _kind(entry: Mapping[str, Any]) -> str:
    """What a value may be, in a few words."""
    if "anyOf" in entry:
        return " or ".join(_kind(one) for one in entry["anyOf"])
    if "enum" in entry:
        return ", ".join(f"`{json.dumps(word)}`" for word in entry["enum"])
    kind = {"object": "table", "array": "list", "boolean": "true or false", "integer": "whole number"}.get(
        entry["type"], entry["type"]
    )
    if entry["type"] == "array":
        kind = f"list: {_kind(entry['items'])}"
    bounds = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))
    limits = [f"{sign} {entry[word]:g}" for word, sign in bounds if word in entry]
    return " ".join([kind, ", ".join(limits)]).strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES = {"cli.md": cli, "config.md": config}


def main() -> None:
    """Write the pages."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
