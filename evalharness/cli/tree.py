"""The commands of ``evalh`` as data: names, flags, help texts. Parser, help, completion and docs are made from it."""

from __future__ import annotations

from evalharness.cli.grammar import Argument, Flag, Verb

OVERVIEW = """\
New here         evalh demo, then evalh init --from csv FILE
Every day        run [CAND..]          answer the cases and score the answers
                 gate [GATE..]         a verdict against the baseline  <- CI
                 compare A [B]         any two runs or candidates side by side
                 show [RUN] [CASE..]   look at a run or a case; --list --open
                 promote [RUN]         make a run the new baseline; needs --why
Before spending  plan [GATE..]         cases needed, error rates, calls, cost
                 lint [PATH..]         check config, eval sets, rubrics; --fix
Data, judges     evalset ACTION        import SRC | diff A [B] | grow
                 calibrate RUBRIC LABELS   judge against people
Project          init [DIR]            --from csv|promptfoo|..   --ci github
                 demo                  a regression caught; no key, no network
                 doctor                versions, config, keys present, caches
Global           -C DIR --config FILE -q -v --json --color WHEN --offline -V -h
run gate compare
  what           -s/--set NAME  -k/--case EXPR  --tag T  --limit N
                 (a partial selection gives scores, never a verdict)
  spending       -n/--dry-run  --max-cost USD  -j/--jobs N  --fresh  -y
                 --answers RUN|FILE  --epochs N
  output         -o FILE.{html,json,jsonl,md,xml,csv} (repeatable)  --github
gate only        --baseline RUN  --rerun-baseline
                 --inconclusive block|pass  --incomplete block|pass
More             evalh COMMAND --help   evalh completion bash|zsh|fish
                 evalh help TOPIC: verdict exit-codes environment runs config
"""
"""What ``evalh`` alone prints."""

GLOBAL_FLAGS = (
    Flag(("-C",), "work in this folder", "directory", "DIR", file=True, group="global"),
    Flag(("--config",), "config file; default: the nearest evalh.toml", "config", "FILE", file=True, group="global"),
    Flag(("-q", "--quiet"), "print the verdict line only", "quiet", kind="level", group="global"),
    Flag(("-v", "--verbose"), "say more; -vv shows tracebacks", "verbose", kind="level", group="global"),
    Flag(("--json",), "print one JSON object on stdout and nothing else", "json", group="global"),
    Flag(("--color",), "colours", "color", "WHEN", choices=("auto", "always", "never"), group="global"),
    Flag(("--offline",), "call nothing; answers must be recorded", "offline", group="global"),
    Flag(("-V", "--version"), "print the version", "version", group="global"),
    Flag(("-h", "--help"), "print this help", "help", group="global"),
)

_WHAT = (
    Flag(("-s", "--set"), "eval set: a name from the config, or a file", "set", "NAME", group="what"),
    Flag(
        ("-k", "--case"), "only cases whose id matches: a part of it, with and, or, not", "case", "EXPR", group="what"
    ),
    Flag(("--tag",), "only cases with this tag", "tag", "T", group="what"),
    Flag(("--limit",), "only the first N cases", "limit", "N", kind="count", group="what"),
)
_MONEY = (
    Flag(("--max-cost",), "US dollars this command may cost", "max_cost", "USD", kind="money", group="spending"),
    Flag(("-j", "--jobs"), "calls in flight at most", "jobs", "N", kind="count", group="spending"),
    Flag(("-y", "--yes"), "do not ask about money", "yes", group="spending"),
)
_SPENDING = (
    Flag(("-n", "--dry-run"), "say what it would do and cost; call nothing", "dry_run", group="spending"),
    *_MONEY,
    Flag(("--fresh",), "ask again, also where an answer is recorded", "fresh", group="spending"),
    Flag(("--answers",), "score these answers instead of asking", "answers", "RUN|FILE", file=True, group="spending"),
    Flag(("--epochs",), "answers per case", "epochs", "N", kind="count", group="spending"),
)
_TRUST = (
    Flag(
        ("--untrusted",),
        "data only: no python, command or http, no plug-ins, no keys (by itself for forks in CI)",
        "untrusted",
        group="trust",
    ),
    Flag(
        ("--key-host",),
        "host that may get the key in NAME, for example MY_API_KEY=llm.example.com",
        "key_host",
        "NAME=HOST",
        repeat=True,
        group="trust",
    ),
)
_OUTPUT = (
    Flag(
        ("-o", "--output"),
        "write a report; the ending says which: .html .json .jsonl .md .xml .csv (repeatable)",
        "output",
        "FILE",
        repeat=True,
        file=True,
        group="output",
    ),
)
_GITHUB = (
    Flag(("--github",), "annotations and step summary for GitHub Actions (by itself there)", "github", group="output"),
)
_MAP = Flag(("--map",), "field of a case = column of the source (repeatable)", "map", "FIELD=COLUMN", repeat=True)
_POLICY = ("block", "pass")
_GATES = Argument("gates", "GATE", "gates to judge; default: all of the config", nargs="*")

VERBS = (
    Verb(
        name="run",
        help="answer the cases and score the answers",
        module="run",
        arguments=(Argument("candidates", "CAND", "candidates to run; default: all that gates name", nargs="*"),),
        flags=(
            *_WHAT,
            Flag(("--judges",), "apply judge scorers too (they cost money)", "judges", group="what"),
            *_SPENDING,
            *_TRUST,
            *_OUTPUT,
            *_GITHUB,
        ),
        text="Running again is resuming: recorded answers are not asked for twice.",
    ),
    Verb(
        name="gate",
        help="compare with the baseline and give a verdict",
        module="gate",
        arguments=(_GATES,),
        flags=(
            *_WHAT,
            Flag(("--all",), "judge every gate of the config", "all", group="what"),
            *_SPENDING,
            Flag(("--baseline",), "baseline to use: a RUN word, see evalh help runs", "baseline", "RUN", group="gate"),
            Flag(("--rerun-baseline",), "answer the baseline's side again too", "rerun_baseline", group="gate"),
            Flag(
                ("--inconclusive",),
                "exit code of an inconclusive verdict: 3, or 0",
                "inconclusive",
                "WHAT",
                choices=_POLICY,
                group="gate",
            ),
            Flag(
                ("--incomplete",),
                "exit code of an incomplete run: 4, or 0",
                "incomplete",
                "WHAT",
                choices=_POLICY,
                group="gate",
            ),
            *_TRUST,
            *_OUTPUT,
            *_GITHUB,
        ),
        text="Exit code: 0 pass, 1 regression, 2 refused, 3 inconclusive, 4 incomplete (evalh help exit-codes).",
    ),
    Verb(
        name="compare",
        help="any two runs, candidates or answers files side by side",
        module="compare",
        arguments=(
            Argument("a", "A", "the baseline; alone: what is compared with the stored baseline", nargs="?", file=True),
            Argument("b", "B", "the candidate", nargs="?", file=True),
        ),
        flags=(
            *_WHAT,
            Flag(
                ("--scorer",),
                "USE[:key=value,..], for example rougeL:stemmer=true",
                "scorer",
                "USE",
                repeat=True,
                group="what",
            ),
            Flag(("--margin",), "largest drop that may pass; default 0.05", "margin", "X", kind="share", group="what"),
            Flag(
                ("--logs",),
                "pair two logs of production: OLD NEW, or KIND:FILE",
                "logs",
                "FILE",
                values=2,
                file=True,
                group="what",
            ),
            Flag(("--key",), "field that pairs the rows of --logs", "key", "FIELD", group="what"),
            *_SPENDING,
            *_TRUST,
            *_OUTPUT,
            *_GITHUB,
        ),
        text="Two answers files need no config: evalh compare OLD.jsonl NEW.jsonl --set CASES.jsonl --scorer equals",
    ),
    Verb(
        name="show",
        help="look at a run",
        module="show",
        arguments=(
            Argument("run", "RUN", "a RUN word, see evalh help runs; default: latest", nargs="?", file=True),
            Argument("cases", "CASE", "case ids to show in full; without RUN: of the latest run", nargs="*"),
        ),
        flags=(
            Flag(("--list",), "list the runs", "list"),
            Flag(("--open",), "open the page in a browser", "open"),
            Flag(
                ("--format",),
                "print in this form",
                "format",
                "F",
                choices=("text", "json", "jsonl", "md", "html", "xml", "csv"),
            ),
            Flag(("--drift",), "report how answers and scores moved since this RUN", "drift", "RUN"),
            Flag(("--explain",), "print what a case's content key is made of", "explain"),
            Flag(("--restore",), "write the run's inputs into this folder", "restore", "DIR", file=True),
            *_OUTPUT,
        ),
    ),
    Verb(
        name="promote",
        help="make a run the new baseline",
        module="promote",
        arguments=(
            Argument(
                "run", "RUN", "a whole run or its .jsonl; default: run the candidate afresh", nargs="?", file=True
            ),
        ),
        flags=(
            Flag(("--why",), "reason, kept in the baseline file", "why", "TEXT", required=True),
            Flag(("--gate",), "gate whose baseline it becomes; default: the config's only gate", "gate", "NAME"),
            *_MONEY,
            *_TRUST,
        ),
    ),
    Verb(
        name="plan",
        help="cases needed, error rates, calls and cost; calls nothing",
        module="plan",
        arguments=(Argument("gates", "GATE", "gates to plan; default: all of the config", nargs="*"),),
        flags=(
            Flag(("--margin",), "plan with this margin", "margin", "X", kind="share"),
            Flag(("--power",), "plan for this chance of a decision", "power", "P", kind="share"),
            Flag(("--selfcheck",), "measure the error rates on your own stored pairs", "selfcheck"),
        ),
    ),
    Verb(
        name="lint",
        help="check config, eval sets, rubrics and lock",
        module="lint",
        arguments=(
            Argument("paths", "PATH", "files to check; default: all that the config names", nargs="*", file=True),
        ),
        flags=(Flag(("--fix",), "tidy the files, bump versions, write evalh.lock", "fix"),),
        text="Exit code: 0, or 2 with findings left.",
    ),
    Verb(
        name="evalset import",
        help="make an eval set from a file or a data set",
        module="evalset",
        arguments=(Argument("source", "SRC", "a table, hf:org/name@REVISION:split, or KIND:FILE", file=True),),
        flags=(
            _MAP,
            Flag(("--name",), "name of the eval set; default: the source's", "name", "NAME"),
        ),
        text="Writes evalsets/NAME.jsonl and says what was kept, changed and dropped. Tables are .csv, .tsv, .parquet, .jsonl, .json; KIND is promptfoo, deepeval, langfuse, .. (docs/moving-over.md). Parquet and hf: need the extra `data`.",
    ),
    Verb(
        name="evalset diff",
        help="what changed between two versions of an eval set",
        module="evalset",
        arguments=(
            Argument("a", "A", "a file, or a git ref such as main", file=True),
            Argument("b", "B", "a file, a git ref, or an eval set of the config", nargs="?", file=True),
        ),
        flags=(),
    ),
    Verb(
        name="evalset grow",
        help="propose cases from a run's failures and disagreements",
        module="evalset",
        arguments=(),
        flags=(
            Flag(("-s", "--set"), "eval set to grow; default: the run's", "set", "NAME"),
            Flag(("--all",), "variants of every case of the set, without a run: typos, case, spacing, ..", "every"),
            Flag(("--from",), "run to learn from: a RUN word; default: latest", "source", "RUN"),
            Flag(("--pool",), "cases that may fill thin slices, for example imported logs", "pool", "FILE", file=True),
        ),
        text="Writes NAME.proposed.jsonl; never into the set by itself.",
    ),
    Verb(
        name="calibrate",
        help="measure a judge against people's labels",
        module="calibrate",
        arguments=(
            Argument("rubric", "RUBRIC", "rubric file, shipped rubric, or judge of the config", file=True),
            Argument("labels", "LABELS", "JSONL file of labelled answers", file=True),
        ),
        flags=(Flag(("--attack",), "also try known attacks on the judge", "attack"), *_MONEY, *_TRUST),
    ),
    Verb(
        name="init",
        help="start a project",
        module="init",
        arguments=(Argument("directory_to_make", "DIR", "folder; default: this one", nargs="?", file=True),),
        flags=(
            Flag(
                ("--from",),
                "what to start from, and its file: csv, promptfoo, deepeval, .. (docs/moving-over.md lists them)",
                "source",
                "KIND FILE",
                values=2,
                file=True,
            ),
            _MAP,
            Flag(("--ci",), "also write a workflow", "ci", "WHERE", choices=("github", "gitlab")),
        ),
        text="Never overwrites a file.",
    ),
    Verb(name="demo", help="a regression caught: embedded data, no key, no network", module="demo"),
    Verb(
        name="doctor",
        help="versions, config, keys, store",
        module="doctor",
        flags=(
            Flag(("--check",), "read the whole store and say whether it is sound", "check"),
            Flag(("--prune",), "delete runs and answers older than this", "prune", "DAYS", kind="whole"),
            Flag(("--forget",), "delete everything stored about a case", "forget", "CASE"),
        ),
    ),
    Verb(
        name="help",
        help="explain a topic",
        module="help_topics",
        arguments=(
            Argument("topic", "TOPIC", "verdict, exit-codes, environment, runs, config, or a command", nargs="*"),
        ),
    ),
    Verb(
        name="completion",
        help="print the completion script of a shell",
        module="completion",
        arguments=(Argument("shell", "SHELL", "bash, zsh or fish", choices=("bash", "zsh", "fish")),),
    ),
)
"""Every command, in the order of the overview."""


def verb_names() -> tuple[str, ...]:
    """First words of the commands, each once."""
    return tuple(dict.fromkeys(verb.name.split()[0] for verb in VERBS))


def find_verb(name: str) -> Verb | None:
    """The command with exactly this name (two words for an action), or None."""
    return next((verb for verb in VERBS if verb.name == name), None)


def actions_of(name: str) -> tuple[str, ...]:
    """The actions of a command such as ``evalset``; empty for one without."""
    return tuple(verb.name.split()[1] for verb in VERBS if verb.name.startswith(f"{name} "))
