"""Makes the completion scripts that the package ships: ``python docs/tools/make_completion.py``.

bash and zsh come from shtab (a build-time tool; users need none of it), fish from the few lines below.
"""  # noqa: INP001 - a script

from __future__ import annotations

from pathlib import Path

from evalharness.cli.grammar import Argument, Flag
from evalharness.cli.parser import full_parser
from evalharness.cli.tree import GLOBAL_FLAGS, VERBS, actions_of, verb_names

FOLDER = Path(__file__).parents[2] / "evalharness" / "cli" / "completions"
SHELLS = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """The completion script of a shell."""
    if shell == "fish":
        return fish()
    import shtab

    parser = full_parser()
    _offer_files(parser, shtab.FILE)
    text: str = shtab.complete(parser, shell=shell)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _offer_files(parser, files):
    named = {flag.dest for verb in VERBS for flag in (*verb.flags, *GLOBAL_FLAGS) if flag.file}
    named |= {argument.dest for verb in VERBS for argument in verb.arguments if argument.file}
    for action in parser._actions:  # noqa: SLF001 - shtab offers no other way
        if action.dest in named and not action.choices:
            action.complete = files
        for child in (action.choices or {}).values() if hasattr(action, "_name_parser_map") else ():
            _offer_files(child, files)


def fish() -> str:
    """The fish script: one ``complete`` line a word."""
    lines = ["# fish completion for evalh; made by docs/tools/make_completion.py", "complete -c evalh -f"]
    lines += [_fish_flag(flag, "") for flag in GLOBAL_FLAGS]
    for name in verb_names():
        verb = next(verb for verb in VERBS if verb.name.split()[0] == name)
        text = "actions on eval sets" if actions_of(name) else verb.help
        lines.append(f"complete -c evalh -n __fish_use_subcommand -a {name} -d {_quoted(text)}")
    for verb in VERBS:
        first, _, action = verb.name.partition(" ")
        seen = f"__fish_seen_subcommand_from {first}"
        if action:
            others = " ".join(actions_of(first))
            lines.append(
                f"complete -c evalh -n {_quoted(f'{seen}; and not __fish_seen_subcommand_from {others}')} "
                f"-a {action} -d {_quoted(verb.help)}"
            )
            seen += f"; and __fish_seen_subcommand_from {action}"
        lines += [_fish_flag(flag, seen) for flag in verb.flags]
        lines += [line for argument in verb.arguments for line in _fish_argument(argument, seen)]
    return "\n".join(lines) + "\n"


def _fish_flag(flag: Flag, seen: str) -> str:
    parts = ["complete -c evalh"]
    if seen:
        parts.append(f"-n {_quoted(seen)}")
    parts += [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names]
    if flag.choices:
        parts.append(f"-x -a {_quoted(' '.join(flag.choices))}")
    elif flag.metavar:
        parts.append("-r -F" if flag.file else "-x")
    return " ".join([*parts, f"-d {_quoted(flag.help)}"])


def _fish_argument(argument: Argument, seen: str) -> list[str]:
    if argument.choices:
        return [f"complete -c evalh -n {_quoted(seen)} -a {_quoted(' '.join(argument.choices))}"]
    return [f"complete -c evalh -n {_quoted(seen)} -F"] if argument.file else []


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def main() -> None:
    """Write the scripts."""
    FOLDER.mkdir(exist_ok=True)
    for shell in SHELLS:
        (FOLDER / f"evalh.{shell}").write_text(script(shell), encoding="utf-8")


if __name__ == "__main__":
    main()
