"""The two faces: their public names; importing them is quick and loads nothing heavy."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, get_args, get_type_hints

import attrs
import pytest
from packaging.version import Version

import llmops_sdk
import llmops_sdk.plugin
from llmops_sdk.deprecations import Deprecation, LLMOpsDeprecationWarning

HEAVY = {
    "torch",
    "transformers",
    "datasets",
    "sagemaker",
    "boto3",
    "fmeval",
    "nltk",
    "scipy",
    "numpy",
    "pandas",
    "rich",
    "httpx",
    "cattrs",
}


FACES = [llmops_sdk, llmops_sdk.plugin]
USERS_RESULTS = ("Pipeline", "Result", "Results", "Leaderboard", "CellResult", "Verdict", "load", "resume", "rescore")
"""What a user's program is made of: what these return, and the fields of these, are in the users' face."""
EXPERT = {
    "CandidateCost",
    "FormsResult",
    "ModelLoad",
    "Plan",
    "Run",
    "Registry",
    "Spec",
    "Progress",
    "Store",
    "Summary",
}
"""Returned to users, and documented in the authors' face with all they return."""


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_the_names_of_a_face_agree(face: ModuleType) -> None:
    """`__all__`, the lazy table and the names for type checkers are the same, and each can be loaded."""
    source = ast.parse(Path(str(face.__file__)).read_text(encoding="utf-8"))
    (checked,) = (node for node in source.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    imported = {
        (f"{node.module}".removeprefix("llmops_sdk."), alias.asname)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    own = {"__version__"} & set(face.__all__)

    deprecated = {(face._HOME_OF[one.instead], name) for name, one in face._DEPRECATED.items()}
    assert imported == {(module, name) for name, module in face._HOME_OF.items()} | deprecated
    assert set(face.__all__) == set(face._HOME_OF) | own
    assert face.__all__ == sorted(face.__all__) == dir(face)
    for name in face.__all__:
        assert getattr(face, name) is not None


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_deprecated_names_are_removed_in_time(face: ModuleType) -> None:
    """A version does not have the names that it was announced to remove."""
    current = Version(llmops_sdk.__version__)

    assert {} == {name: one for name, one in face._DEPRECATED.items() if Version(one.removal) <= current}


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_a_deprecated_name_means_its_replacement(face: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """It warns at each use, and is neither listed nor imported by `*`."""
    monkeypatch.setattr(face, "_DEPRECATED", {"BadSpec": Deprecation("SpecError", since="0.1", removal="99.0")})

    for _ in range(2):
        with pytest.warns(LLMOpsDeprecationWarning, match=rf"{face.__name__}.BadSpec is deprecated .*: use SpecError"):
            assert face.SpecError is face.BadSpec
    assert "BadSpec" not in dir(face)
    assert "BadSpec" not in face.__all__


def test_the_users_face_is_small() -> None:
    """About sixty names: what a user types, what that returns, and the errors to catch."""
    assert len(llmops_sdk.__all__) <= 60


def test_what_a_users_program_gets_is_in_the_users_face() -> None:
    """The types of results can be named in annotations."""
    missing = {
        (name, cls.__name__)
        for name in USERS_RESULTS
        for cls in _types_of(getattr(llmops_sdk, name))
        if cls.__name__ not in {*llmops_sdk.__all__, *EXPERT}
    }

    assert set() == missing


def test_whatever_a_public_name_returns_is_public() -> None:
    """Methods, properties and fields of every public class lead to public classes only; a `Spec` is written as YAML."""
    public = {*llmops_sdk.__all__, *llmops_sdk.plugin.__all__, "Spec"}
    missing = {
        (name, cls.__name__)
        for face in FACES
        for name in face.__all__
        if isinstance(getattr(face, name), (type, FunctionType))
        for cls in _types_of(getattr(face, name))
        if cls.__name__ not in public
    }

    assert set() == missing


def _types_of(public: Any) -> set[type]:
    """Return the classes of this package that a function, or the methods and fields of a class, return."""
    if not isinstance(public, type):
        return _classes(_hints(public).get("return"))
    found: set[type] = set()
    for name, member in inspect.getmembers(public):
        if name.startswith("_"):
            continue
        function = member.fget if isinstance(member, property) else getattr(member, "func", member)
        if inspect.isfunction(function) or inspect.ismethod(function):
            found |= _classes(_hints(function).get("return"))
    if attrs.has(public):
        for name, hint in _hints(public).items():
            found |= set() if name.startswith("_") else _classes(hint)
    return found


def _hints(annotated: Any) -> dict[str, Any]:
    """Return the type hints, with the names that are imported for type checkers only."""
    return get_type_hints(annotated, {**_loaded_classes(), **vars(sys.modules[annotated.__module__])})


@cache
def _loaded_classes() -> dict[str, Any]:
    """The classes of this package by their names, after all public names are loaded."""
    assert all(getattr(face, name) for face in FACES for name in face.__all__)
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("llmops_sdk.")]
    return {key: value for module in modules for key, value in vars(module).items() if isinstance(value, type)}


def _classes(hint: Any) -> set[type]:
    own = {hint} if isinstance(hint, type) and hint.__module__.startswith("llmops_sdk.") else set()
    return own.union(*(_classes(part) for part in get_args(hint)))


def test_importing_loads_nothing_heavy() -> None:
    """The package, and the command line's help, load no library that takes time."""
    for program in ("import llmops_sdk", "import llmops_sdk.cli.main; llmops_sdk.cli.main.main(['--help'])"):
        code = f"import sys\n{program}\nprint('loaded', *sorted(name for name in sys.modules if '.' not in name))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert set() == HEAVY & set(done.stdout.rpartition("loaded")[2].split())


def test_the_core_works_without_the_plugins_package() -> None:
    """The core knows no plugin: it loads where `llmops_plugins` cannot be imported."""
    code = "import sys\nsys.modules['llmops_plugins'] = None\nimport llmops_sdk\n[getattr(llmops_sdk, name) for name in llmops_sdk.__all__]"

    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_card_of_the_shipped_plugins_can_be_loaded() -> None:
    """Each card's implementation is where its `load` names it, and is of the card's kind."""
    from llmops_sdk.plugin.cards import ModelCard

    kinds = {
        "dataset": llmops_sdk.plugin.DatasetSource,
        "prompt": llmops_sdk.plugin.PromptSource,
        "trainer": llmops_sdk.plugin.Trainer,
        "deployer": llmops_sdk.plugin.Deployer,
        "evaluator": llmops_sdk.plugin.Evaluator,
        "executor": llmops_sdk.plugin.Executor,
        "reporter": llmops_sdk.plugin.Reporter,
        "importer": llmops_sdk.plugin.Importer,
        "store": llmops_sdk.Store,
        "orphan-finder": llmops_sdk.plugin.OrphanFinder,
        "retriever": llmops_sdk.plugin.Retriever,
    }
    registry = llmops_sdk.Registry.load()
    offers = [offer for offer in registry.offers() if not isinstance(offer.card, ModelCard)]

    assert len(offers) > 10
    for offer in offers:
        assert issubclass(registry.implementation(offer), kinds[offer.card.kind])


def test_loading_the_plugins_loads_nothing_heavy() -> None:
    """Reading all cards loads no library that only an implementation needs."""
    code = "import sys\nfrom llmops_sdk.plugin.registry import Registry\nRegistry.load()\nprint('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = HEAVY - {"cattrs", "rich", "httpx"}
    assert set() == heavy & set(done.stdout.rpartition("loaded")[2].split())
