"""The package's face: its public names, and that importing it is quick and brings nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import llmops_sdk

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


def test_public_names_and_module_agree() -> None:
    """`__all__`, the lazy table and the names for type checkers are the same, and each can be loaded."""
    source = ast.parse(Path(llmops_sdk.__file__).read_text(encoding="utf-8"))
    (checked,) = (node for node in source.body if isinstance(node, ast.If))
    imported = {alias.name for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert set(llmops_sdk.__all__) == imported | {"__version__"}
    assert set(llmops_sdk.__all__) == set(llmops_sdk._HOME_OF) | {"__version__"}
    assert sorted(llmops_sdk.__all__) == sorted(dir(llmops_sdk))
    for name in llmops_sdk.__all__:
        assert getattr(llmops_sdk, name) is not None


def test_importing_brings_nothing_heavy() -> None:
    """The package, and the command line's help, load no library that takes time."""
    for program in ("import llmops_sdk", "import llmops_sdk.cli; llmops_sdk.cli.main(['--help'])"):
        code = f"import sys\n{program}\nprint('loaded', *sorted(name for name in sys.modules if '.' not in name))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert set() == HEAVY & set(done.stdout.rpartition("loaded")[2].split())


def test_the_core_works_without_the_plugins_package() -> None:
    """The core knows no plugin: it loads where `llmops_plugins` cannot be imported."""
    code = "import sys\nsys.modules['llmops_plugins'] = None\nimport llmops_sdk\n[getattr(llmops_sdk, name) for name in llmops_sdk.__all__]"

    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_card_of_the_shipped_plugins_can_be_loaded() -> None:
    """Each card's implementation is where the card says, and is of the card's kind."""
    from llmops_sdk.cards import ModelCard
    from llmops_sdk.registry import Registry, _load_class

    kinds = {
        "dataset": llmops_sdk.DatasetSource,
        "prompt": llmops_sdk.PromptSource,
        "trainer": llmops_sdk.Trainer,
        "deployer": llmops_sdk.Deployer,
        "evaluator": llmops_sdk.Evaluator,
        "executor": llmops_sdk.Executor,
        "store": llmops_sdk.Store,
        "sweeper": llmops_sdk.Sweeper,
    }
    offers = [offer for offer in Registry.load().offers() if not isinstance(offer.card, ModelCard)]

    assert len(offers) > 10
    for offer in offers:
        assert issubclass(_load_class(offer), kinds[offer.card.kind])


def test_loading_the_plugins_brings_nothing_heavy() -> None:
    """Reading all cards loads no library that only an implementation needs."""
    code = "import sys\nfrom llmops_sdk.registry import Registry\nRegistry.load()\nprint('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = HEAVY - {"cattrs", "rich", "httpx"}
    assert set() == heavy & set(done.stdout.rpartition("loaded")[2].split())
