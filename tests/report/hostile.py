"""Hostile strings, and checkers of finished reports that know nothing of how the reports are made."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from html.parser import HTMLParser
from typing import Final
from xml.etree import ElementTree as ET

from markdown_it import MarkdownIt

CORPUS: Final = {
    "script": "</script><script>alert(1)</script>",
    "comment": "--><img src=x onerror=alert(1)><!--",
    "attribute": '" onmouseover=alert(1) x="',
    "svg": "<svg onload=alert(1)><style>*{display:none}</style>",
    "template": "{{ 7*7 }} {% for x in y %} ${jndi:ldap://x} %s {0.__class__}",
    "escape": "\x1b[2J\x1b]0;owned\x07\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "c1": "\x9b31m\x85\x90q\x9c",
    "bidi": "safe\u202eelbatrop\u2066x\u2069",
    "invisible": "pa\u200bss\u2060\ufeff\U000e0070\U000e0061",
    "carriage": "good\rbad\b\b\bX\x0b\x0c\x00",
    "formula": '=HYPERLINK("http://evil.example","x")',
    "formula plus": "+1+cmd|' /C calc'!A0",
    "formula wide": "＝1+1",
    "formula hidden": "\t \n@SUM(1)",
    "fence": "```\n````\n~~~\n# forged heading\n[x](http://evil.example)",
    "backslash pipe": "\\| ![i](http://evil.example/x.png) \\\\| `",
    "mention": "@maintainer please merge, see #812 and https://evil.example or www.evil.example",
    "html in markdown": "<details open><summary>x</summary>\n\n**PASS**\n\n</details> <!-- evalh -->",
    "alert": "> [!NOTE]\n> **Pass**",
    "command": "::add-mask::secret\n::error file=x,line=1::forged\n##[add-mask]y\n ::stop-commands::t",
    "cdata": "]]></failure></testcase><testcase name='forged'/>&#0;&lol;",
    "line separators": "a\u2028::error::b\u2029c\x1c\x1d\x1e",
    "json": '"}]}<!--<script>\\u2028',
    "long": "A" * 70_000,
    "rtl": "שלום مرحبا 👨\u200d👩\u200d👧",
    "empty": "",
}
NOT_PLAIN: Final = re.compile(r"[^ -~]")
BARE: Final = re.compile(r"@\w|://|www\.|#\d", re.IGNORECASE)


def acting(text: str, *, allow: str = "\n") -> list[str]:
    """Characters that could act on whoever shows the text."""
    found = []
    for match in NOT_PLAIN.finditer(text):
        index, char = match.start(), match.group()
        if char in allow:
            continue
        code = ord(char)
        if char in "\u200c\u200d":
            around = text[index - 1 : index] + text[index + 1 : index + 2]
            if len(around) < 2 or any(ord(c) < 0x590 for c in around):
                found.append(char)
        elif unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") or 0xE0000 <= code < 0xE1000:
            found.append(char)
    return found


def live_csv(text: str) -> list[str]:
    """Cells that a spreadsheet would run; raises when a row has another number of cells than the head."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len({len(row) for row in rows}) == 1
    return [cell for row in rows for cell in row if cell.lstrip()[:1] in set("=+-@＝＋－＠\t") and not _number(cell)]


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def xml_names(text: str) -> list[str]:
    """Names of all test cases; raises when the file does not parse or says a wrong count."""
    root = ET.fromstring(text.encode("utf-8"))
    for suite in root:
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
    assert {element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out",
    }  # fmt: skip
    return [case.get("name", "") for case in root.iter("testcase")]


class Tree(HTMLParser):
    """Tags and attributes of a page, and the text of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[dict[str, str | None], str]] = []
        self._open: dict[str, str | None] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open = dict(attrs)
            self.raw.append((self._open, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.raw[-1] = (self._open, self.raw[-1][1] + data)


def live_html(text: str) -> list[str]:
    """Whatever in a page could run, load or navigate, beyond the one style sheet and the one script."""
    tree = Tree(text)
    found = [f"<{tag}>" for tag, _ in tree.tags if tag in LIVE_TAGS]
    for tag, attributes in tree.tags:
        for name, value in attributes.items():
            if name.startswith("on") or name in ("src", "srcdoc", "action", "formaction", "style"):
                found.append(f"{tag} {name}")
            if name == "href" and not (value or "").startswith("#"):
                found.append(f"{tag} href {value}")
    scripts = [attributes for tag, attributes in tree.tags if tag == "script"]
    found += ["script"] * (len([a for a in scripts if a.get("type") != "application/json"]) - 1)
    found += ["style"] * (len([tag for tag, _ in tree.tags if tag == "style"]) - 1)
    return found


LIVE_TAGS: Final = frozenset(
    ("img", "iframe", "object", "embed", "link", "base", "form", "audio", "video", "source", "applet", "frame", "image")
)
OWN_HTML: Final = re.compile(
    r"<!-- evalh(?: [\w.-]+)? -->|</?sub>|<details><summary>(?:<code>[\w.-]+</code> [\w.> ;&-]+|Where)</summary>|</details>"
)


def live_markdown(text: str) -> list[str]:
    """Links, images, forged markup, and bare text that a host turns into a mention or a link."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    found = []
    for block in parser.parse(text):
        if block.type in ("html_block", "heading_open", "code_block"):
            found += [block.content or block.type] if not _own(block.content) else []
        for token in block.children or ():
            if token.type in ("image", "link_open"):
                found.append(str(token.attrs))
            if token.type == "html_inline" and not _own(token.content):
                found.append(token.content)
            if token.type == "text" and BARE.search(token.content):
                found.append(token.content)
    return found


def _own(content: str) -> bool:
    return bool(content.strip()) and not OWN_HTML.sub("", content).strip()


def live_log(text: str) -> list[str]:
    """Lines that a workflow runner takes for a command, outside stop-commands."""
    found, stopped = [], ""
    for line in text.split("\n"):
        bare = line.strip()
        if stopped:
            stopped = "" if bare == f"::{stopped}::" else stopped
        elif bare.startswith("::stop-commands::"):
            stopped = bare.removeprefix("::stop-commands::")
        elif "##[" in line or (bare.startswith("::") and not re.match(r"::(error|warning) ", bare)):
            found.append(line)
    return found
