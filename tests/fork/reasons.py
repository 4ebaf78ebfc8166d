"""Why an attack gets nothing even as our own work: the defence that holds it without the untrusted mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, str]] = {
    "a judge at the attacker's address": "a key is bound to its provider's host; the rubric is no rubric",
    "a .env file that names another endpoint": "no such file is read",
    "the prompt is a link to the environment": "files of a config are no links",
    "the eval set is a link to the environment": "files of a config are no links",
    "the answers are a link to the environment": "files of a config are no links",
    "a whole folder is a link out of the project": "files of a config lie inside the project",
    "a check inside a case is a Python function": "data never names code",
    "a check inside a case fetches its schema": "the registry of schemas is empty",
    "modules of our libraries' names lie in the checkout": "nothing is imported from the working folder",
    "an installed plug-in is claimed by a folder of metadata": "plug-ins are those of the environment, not of the folder",
    "the prompt is a template that reaches for Python": "templates are rendered in a sandbox",
    "case data is a template": "data is never rendered",
    "git attributes that name a program": "only git's own config names programs, and none is run for a look",
    "a pattern that never ends, in a case": "patterns run in the worker process, with a limit",
    "the guard is only reported": "a margin as wide as the whole range is refused",
    "the gate is taken away": "there is no gate to judge",
    "the gate gets another name, which is new": "its stored baseline has the old name, and the other gates judge",
    "the cases that fail are deleted": "more cases removed than a gate allows",
    "the cases that fail are deprecated": "more cases removed than a gate allows",
    "the cases that fail want the wrong answer now": "more cases edited than a gate allows",
    "the cases that hold weigh a billion": "weights lie between 1e-6 and 1e6",
    "the cases that fail weigh next to nothing": "80 such cases are too few for a pass; with more of them it would be one",
    "the cases that fail are one cluster": "too few units for a pass",
    "cases under ids that differ in case, or come twice": "such ids are refused",
    "answers that fail are left out": "more answers missing than a gate allows",
    "answers that fail are errors": "more answers missing than a gate allows",
    "NaN, huge numbers and duplicate keys in the answers": "the reader is strict",
    "a lock file that tells another story": "the lock only names versions",
}
