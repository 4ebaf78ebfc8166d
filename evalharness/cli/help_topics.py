"""``evalh help TOPIC``: short texts about what the flags alone do not say; ``evalh help COMMAND`` is its ``--help``."""

from __future__ import annotations

import argparse
from typing import Final

from evalharness.cli import console
from evalharness.cli.tree import OVERVIEW, actions_of, find_verb, verb_names
from evalharness.core.errors import UsageError
from evalharness.core.nearest import name_tip

VERDICT: Final = """\
How a gate decides

Each case gives a paired difference: the candidate's score minus the baseline's, signed so that + is better.
A gate asks two questions of the mean difference, each with its own stated error rate:

  pass        is a drop as large as the margin ruled out?   wrong at most alpha_pass (5 %)
  regression  is a drop proven?                             wrong at most alpha_block (2.5 %)

  PASS          every guard is shown not worse than its margin, every hard check held on all planned cases
  REGRESSION    some guard's drop is proven, or a hard check failed in every attempt where the baseline passed
  INCONCLUSIVE  the data can say neither; about how many more cases would is printed
  INCOMPLETE    answers or scores are missing: provider down, budget or key missing, offline and not recorded
  REFUSED       something is wrong or not comparable; nothing was spent

Cases are asked in an order drawn from a seed, and asking stops as soon as the verdict is certain; stopping early
costs no error rate. An unchanged candidate passes without a call. A selection (-k, --tag, --limit) gives scores,
never a verdict. Margins are in the scorer's unit: margin = 0.05 lets a score lose at most 5 points.
"""

EXIT_CODES: Final = """\
Exit codes

    0  pass           every guard and hard check held
    1  regression     some guard or hard check failed
    2  refused        usage, config, eval set or rubric is wrong; baseline missing or not comparable
    3  inconclusive   the data cannot tell; the need is printed
    4  incomplete     not everything could be answered or scored
    5  store          the store is damaged, from a newer version, or held by another process
   70  bug            internal error
  130  interrupted    Ctrl-C or SIGTERM; what was paid for is saved

Over scorers and gates the code is the first that occurs of 1, 2, 4, 3, 0; 5, 70 and 130 end the command.
inconclusive = "pass" or incomplete = "pass" (also --inconclusive, --incomplete) makes that code 0, never the outcome.

    run        0, or 4 if anything is unanswered or unscored
    compare    the verdict's code when a margin is in force, else 0
    lint       0, or 2 with findings left
    calibrate  0 may block, 3 advisory
"""

ENVIRONMENT: Final = """\
Environment: flags win over these, these win over the config

  EVALH_CONFIG      config file, as --config
  EVALH_MAX_COST    US dollars a command may cost, as --max-cost
  EVALH_OFFLINE     1: call nothing, as --offline
  EVALH_JOBS        calls in flight at most, as --jobs
  EVALH_DIR         folder of recorded answers and runs; default .evalh beside the config
  EVALH_BASE_REF    commit or branch whose gates, limits and baselines judge, where CI does not say it
  EVALH_WAIT        seconds to wait for another evalh that holds the store; default 600
  EVALH_KEY_HOSTS   hosts that may get a key, as --key-host: NAME=HOST[,HOST], several separated by spaces

  *_API_KEY         keys, named by api_key_env; sent to the provider's own host, loopback and EVALH_KEY_HOSTS only
  OPENAI_BASE_URL   endpoint of model candidates without base_url

  NO_COLOR, FORCE_COLOR, TERM, COLUMNS, PAGER   as everywhere
  CI, GITHUB_ACTIONS, GITLAB_CI                 nobody is asked anything; a fork's run trusts data only

.env files are not read. evalh sends nothing to anybody but the endpoints that the config names.
"""

RUNS: Final = """\
RUN words: how to name a run

  latest              the last run
  latest~2            two before it
  baseline            the stored baseline of the gate, reports/baselines/GATE.jsonl
  baseline@main       the same file at a git ref (any ref; origin/REF is tried too)
  7f3a                a run id, or the start of one that is unique
  runs/old.jsonl      a file: what evalh run -o wrote, or recorded answers

compare also takes the name of a candidate: what is missing is run first.
"""

CONFIG: Final = """\
Config: evalh.toml, the nearest upwards to the git root; or [tool.evalh] in pyproject.toml

  version = 1
  defaults = { seed = 7, max_cost = 2.00 }
  [evalsets]
  support = { path = "evalsets/support.jsonl", slices = ["region"] }
  [candidates]
  bot = { model = "gpt-5-mini", system = "prompts/support.md", temperature = 0.2 }
  [scorers]
  exact  = { use = "equals" }
  no_pii = { use = "absent", pattern = "[0-9]{13,16}" }
  [gates.support]
  candidate = "bot"
  evalset = "support"
  limits = { exact = { margin = 0.05 }, no_pii = { every = true } }

Flags win over environment, environment over the config, the config over defaults. Paths start from the file's folder
and stay inside it. An unknown key is an error. `evalh doctor` shows where each value came from; `evalh init` starts a
project; docs/config.md lists every key.
"""

TOPICS: Final = {
    "verdict": VERDICT,
    "exit-codes": EXIT_CODES,
    "environment": ENVIRONMENT,
    "runs": RUNS,
    "config": CONFIG,
}


def execute(args: argparse.Namespace) -> int:
    """Print a topic, or the help of a command.

    Raises:
        UsageError: If there is no such topic.
    """
    console.answer(topic_text(" ".join(args.topic)).rstrip("\n"))
    return 0


def topic_text(topic: str) -> str:
    """The text of a topic or command; the overview for an empty name.

    Raises:
        UsageError: If there is no such topic.
    """
    if not topic:
        return f"{OVERVIEW}\nTopics: {', '.join(TOPICS)}\n"
    if topic in TOPICS:
        return TOPICS[topic]
    from evalharness.cli.parser import group_text, help_text

    verb = find_verb(topic)
    if verb is None and actions_of(topic):
        return group_text(topic)
    if verb is None:
        known = (*TOPICS, *verb_names())
        raise UsageError(f"no help on {topic!r}", tip=name_tip(topic, known, title="topics"))
    return help_text(verb)
