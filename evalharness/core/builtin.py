"""Where the shipped eval sets and rubrics lie: inside the wheel, or at the root of an editable checkout."""

from __future__ import annotations

from pathlib import Path


def builtin(name: str) -> Path:
    """The path of a shipped file or folder.

    Args:
        name: ``evalsets/...`` or ``rubrics/...``.

    Raises:
        FileNotFoundError: If this installation does not have it.
    """
    package = Path(__file__).resolve().parent.parent
    for root in (package / "_builtin", package.parent):
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(name)


def rubric_path(root: Path, name: str) -> Path:
    """Where a rubric lies that a config or a person names: a file, or by its bare id one that ships.

    Args:
        root: Folder that paths are relative to.
        name: ``rubrics/ID.toml`` or, for a shipped one, ``ID``. A file of the project goes first.
    """
    own = root / name
    if not name.replace("-", "").isalnum() or own.exists():
        return own
    try:
        return builtin(f"rubrics/{name}.toml")
    except FileNotFoundError:
        return own


def rubric_folder(root: Path, path: Path) -> Path:
    """Folder beside whose rubrics a project keeps what it measured of one: the rubric's own, of a shipped one ``rubrics``.

    Args:
        root: The project.
        path: The rubric's file.
    """
    shipped = path.name in shipped_rubrics() and path.resolve() == builtin(f"rubrics/{path.name}").resolve()
    return root / "rubrics" if shipped else path.parent


def shipped_rubrics() -> tuple[str, ...]:
    """File names of the rubrics that this installation has, sorted."""
    try:
        return tuple(sorted(path.name for path in builtin("rubrics").glob("*.toml")))
    except FileNotFoundError:
        return ()
