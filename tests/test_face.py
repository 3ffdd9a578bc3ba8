"""The package's face: its public names, and that importing it is quick and brings nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import llmops_sdk
import llmops_sdk.plugin

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


@pytest.mark.parametrize("face", [llmops_sdk, llmops_sdk.plugin], ids=lambda face: face.__name__)
def test_public_names_and_module_agree(face: ModuleType) -> None:
    """`__all__`, the lazy table and the names for type checkers are the same, and each can be loaded."""
    source = ast.parse(Path(str(face.__file__)).read_text(encoding="utf-8"))
    (checked,) = (node for node in source.body if isinstance(node, ast.If))
    imported = {alias.asname for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    own = {"__version__"} & set(face.__all__)

    assert set(face.__all__) == imported | own
    assert set(face.__all__) == set(face._HOME_OF) | own
    assert sorted(face.__all__) == sorted(dir(face))
    for name in face.__all__:
        assert getattr(face, name) is not None


def test_the_users_face_is_small() -> None:
    """About thirty names: what a user types, and what the public methods of those return."""
    assert len(llmops_sdk.__all__) <= 40


def test_importing_brings_nothing_heavy() -> None:
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
    """Each card's implementation is where the card says, and is of the card's kind."""
    from llmops_sdk.plugin.cards import ModelCard

    kinds = {
        "dataset": llmops_sdk.plugin.DatasetSource,
        "prompt": llmops_sdk.plugin.PromptSource,
        "trainer": llmops_sdk.plugin.Trainer,
        "deployer": llmops_sdk.plugin.Deployer,
        "evaluator": llmops_sdk.plugin.Evaluator,
        "executor": llmops_sdk.plugin.Executor,
        "reporter": llmops_sdk.plugin.Reporter,
        "store": llmops_sdk.Store,
        "orphan-finder": llmops_sdk.plugin.OrphanFinder,
    }
    registry = llmops_sdk.Registry.load()
    offers = [offer for offer in registry.offers() if not isinstance(offer.card, ModelCard)]

    assert len(offers) > 10
    for offer in offers:
        assert issubclass(registry.implementation(offer), kinds[offer.card.kind])


def test_loading_the_plugins_brings_nothing_heavy() -> None:
    """Reading all cards loads no library that only an implementation needs."""
    code = "import sys\nfrom llmops_sdk.plugin.registry import Registry\nRegistry.load()\nprint('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = HEAVY - {"cattrs", "rich", "httpx"}
    assert set() == heavy & set(done.stdout.rpartition("loaded")[2].split())
