"""Writes a new package, or a new specification, from the templates."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs
import jinja2

from llmops_sdk.cli.new.names import PackageNames
from llmops_sdk.errors import UserError
from llmops_sdk.plugin.api import API_VERSION
from llmops_sdk.plugin.cards import CardKind

TEMPLATES = Path(__file__).with_name("templates")


@attrs.frozen(kw_only=True)
class PackageKind:
    """A kind of package.

    Attributes:
        name: As it is typed; the module with the implementation is called so.
        cards: The kinds of its cards, the first of which is the one to look at.
    """

    name: str
    cards: tuple[CardKind, ...]


KINDS: Mapping[str, PackageKind] = {
    kind.name: kind
    for kind in (
        PackageKind(name="metric", cards=("evaluator",)),
        PackageKind(name="dataset", cards=("dataset",)),
        PackageKind(name="target", cards=("model", "deployer")),
        PackageKind(name="trainer", cards=("trainer", "model", "deployer")),
        PackageKind(name="reporter", cards=("reporter",)),
    )
}


def write_package(kind: PackageKind, names: PackageNames, into: Path) -> Path:
    """Write a package into a new folder below `into`, and return the folder; all of it or nothing.

    Raises:
        UserError: The folder exists.
    """
    folder = into / names.distribution
    if folder.exists():
        message = f"{str(folder)!r} exists: choose another name, or another folder with --into"
        raise UserError(message)
    files = {
        "pyproject.toml": "package/pyproject.toml",
        "README.md": "package/README.md",
        f"src/{names.module}/__init__.py": "package/init.py",
        f"src/{names.module}/hooks.py": f"{kind.name}/hooks.py",
        f"src/{names.module}/{kind.name}.py": f"{kind.name}/{kind.name}.py",
        f"tests/test_{kind.name}.py": f"{kind.name}/test.py",
    }
    values = {
        "api": API_VERSION,
        "card": names.card,
        "cls": names.cls,
        "command": f"llmops plugins {kind.cards[0]} {names.card}",
        "distribution": names.distribution,
        "kind": kind.name,
        "module": names.module,
        "name": names.card,
        "snake": names.snake,
        "title": names.title,
    }
    draft = into / f".{names.distribution}.part"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        for name, template in files.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_render(template, values), encoding="utf-8")
        (draft / "src" / names.module / "py.typed").touch()
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def write_pipeline(name: str, into: Path) -> Path:
    """Write a commented specification into `into`, and return the file.

    Raises:
        UserError: The file exists.
    """
    path = into / f"{name}.yaml"
    if path.exists():
        message = f"{str(path)!r} exists: choose another name, or another folder with --into"
        raise UserError(message)
    into.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(_render("pipeline/pipeline.yaml", {"name": name}), encoding="utf-8")
    draft.replace(path)
    return path


def _render(template: str, values: Mapping[str, str]) -> str:
    environment = jinja2.Environment(  # noqa: S701 - Python, TOML and YAML, from names that were checked
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(f"{template}.jinja").render(values)
