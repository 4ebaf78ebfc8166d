"""Opening a project whose working tree is a stranger's: with ``--untrusted``, by itself for a fork's pull request in CI.

Data only: eval sets, prompts and recorded answers are the pull request's. Config, gates, limits, baselines and rubrics
are the base ref's. No code, command, address or plug-in is used, no key given out (the rooms that would do so refuse by
``RunOptions.untrusted``). The store is a folder of its own, empty at the start and gone at the end: answers cross the
line in neither direction. Where no base ref is known nothing is called at all.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from evalharness.core.options import RunOptions
from evalharness.core.verdicts import Warned
from evalharness.project.baseref import enter_base
from evalharness.project.environment import from_fork
from evalharness.project.workspace import Workspace, open_workspace


def open_project(directory: Path, *, config: str | None = None, options: RunOptions | None = None) -> Workspace:
    """Read the config that governs a folder and open the project, trusting it as far as the options say.

    Args:
        directory: Where the command runs.
        config: Path of a config file, or None for the nearest one upwards.
        options: Flags of the command; None trusts as far as the environment does.

    Raises:
        ConfigError: If there is no config or it is wrong.
        BaselineError: If data only is trusted and the base ref cannot be read.
    """
    options = RunOptions(untrusted=from_fork(os.environ)) if options is None else options
    workspace = open_workspace(directory, config=config, options=options)
    if workspace.options.untrusted:
        try:
            distrust(workspace)
        except BaseException:
            workspace.closing.close()
            raise
    return workspace


def distrust(workspace: Workspace) -> None:
    """Keep a workspace to data only.

    Args:
        workspace: Just opened; nothing was read but the config.
    """
    folder = workspace.closing.enter_context(TemporaryDirectory(prefix="evalh-", ignore_cleanup_errors=True))
    workspace.apart = Path(folder)
    if enter_base(workspace) is None:
        workspace.options = replace(workspace.options, offline=True)


def trust_notes(workspace: Workspace) -> tuple[Warned, ...]:
    """What an untrusted run leaves out, to be said with its verdict; nothing for others."""
    if not workspace.options.untrusted:
        return ()
    trusted = workspace.trusted
    if trusted is None:
        rules = (
            "no base ref is known (EVALH_BASE_REF names one), so the rules are this folder's own and nothing is called"
        )
    elif trusted.config is None:
        rules = f"{trusted.ref} has no config to judge by"
    else:
        rules = f"config, gates, limits, baselines and rubrics are those of {trusted.ref}"
    left_out = "code, commands, addresses, plug-ins and keys are not used, answers of other runs neither read nor kept"
    return (Warned(code="untrusted", message=f"only data is trusted here: {rules}; {left_out}"),)
