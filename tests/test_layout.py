"""The layout of the code: small folders, small modules, and tests where a reader looks for them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
SOURCES = {ROOT / "src" / "llmops_sdk": TESTS, ROOT / "plugins" / "llmops_plugins": TESTS / "plugins"}
LONGEST_MODULE = 400
MOST_MODULES = 14

# Modules with behaviour and without a test module of their name, with the reason. The list may only become shorter: a new module
# comes with its tests.
EXCEPTIONS: dict[str, str] = {
    "plugins/llmops_plugins/fmeval/metric_modules/bertscore.py": "tests/plugins/fmeval/with_fmeval/test_summarization.py: FMEval loads it by name",
    "plugins/llmops_plugins/fmeval/metric_modules/rouge.py": "tests/plugins/fmeval/with_fmeval/test_summarization.py: FMEval loads it by name",
    "plugins/llmops_plugins/fmeval/metric_modules/wer.py": "tests/plugins/fmeval/with_fmeval/test_robustness.py: FMEval loads it by name",
    "plugins/llmops_plugins/local/gpus.py": "tests/plugins/local/test_device.py: it reads the driver of a GPU",
    "plugins/llmops_plugins/local/server/fields.py": "tests/plugins/local/server/test_requests.py reads every field",
    "plugins/llmops_plugins/sagemaker/emulator/moto_handlers.py": "tests/plugins/sagemaker/emulator/test_executor.py runs on them",
    "plugins/llmops_plugins/sagemaker/emulator/sitecustomize.py": "tests/plugins/sagemaker/emulator/test_container.py starts Python with it",
    "plugins/llmops_plugins/sagemaker/emulator/substitute.py": "tests/plugins/sagemaker/emulator/test_jumpstart.py asks it",
    "plugins/llmops_plugins/sagemaker/endpoint/options.py": "tests/plugins/sagemaker/endpoint/test_deployer.py checks them",
}

# Folders with more modules than others, with the reason. Nothing may be added to this list, either.
LARGE_FOLDERS = {
    "src/llmops_sdk/values": "one module for each kind of value, with little code",
}


def _modules() -> list[Path]:
    return sorted(path for source in SOURCES for path in source.rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _test_module(path: Path) -> Path:
    """Where the tests of a module are: `steps/score.py` is tested by `tests/steps/test_score.py`."""
    (source,) = (source for source in SOURCES if path.is_relative_to(source))
    return SOURCES[source] / path.relative_to(source).with_name(f"test_{path.name}")


def _has_behaviour(path: Path) -> bool:
    """Whether a module defines a function that does more than return a constant, an attribute or a new object."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    return any(not _is_trivial(function) for function in functions)


def _is_trivial(function: ast.FunctionDef) -> bool:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return len(body) == 0 or (
        len(body) == 1 and isinstance(body[0], ast.Return | ast.Pass | ast.Raise | ast.Import | ast.ImportFrom)
    )


def test_modules_with_behaviour_have_a_test_module_of_their_name() -> None:
    """A reader finds the tests of a module under the same path; the exceptions are listed with a reason."""
    missing = {
        _name(path)
        for path in _modules()
        if path.name != "__init__.py" and _has_behaviour(path) and not _test_module(path).exists()
    }

    assert set() == missing - EXCEPTIONS.keys()
    assert set() == EXCEPTIONS.keys() - missing, "these have a test module now: take them off the list"


def test_the_tests_of_exceptions_exist() -> None:
    """The reason of an exception names a file or folder of tests that exists."""
    for module, reason in EXCEPTIONS.items():
        assert (ROOT / re.split("[ :]", reason)[0]).exists(), f"{module}: {reason}"


def test_modules_are_short() -> None:
    """No module has more than 400 lines. Lists of public names may be longer."""
    lengths = {_name(path): path.read_text(encoding="utf-8").count("\n") for path in _modules()}

    assert {} == {
        name: length
        for name, length in lengths.items()
        if length > LONGEST_MODULE and not name.endswith("plugin/__init__.py")
    }


def test_folders_are_small() -> None:
    """No folder has more than 14 modules; the exceptions are listed with a reason."""
    counts = Counter(_name(path.parent) for path in _modules() if path.name != "__init__.py")
    large = {name for name, count in counts.items() if count > MOST_MODULES}

    assert large == LARGE_FOLDERS.keys()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_modules_start_with_what_they_are_for(source: Path) -> None:
    """The first line of every module is a docstring of one sentence or more."""
    for path in source.rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""

        assert docstring.split("\n", maxsplit=1)[0].endswith((".", ":")), f"{_name(path)}: {docstring[:80]!r}"
