"""What notebooks show in place of text."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llmops_sdk import Pipeline, Result, Run
from llmops_sdk.plugin import Plan
from llmops_sdk.values.results import Verdict


@pytest.mark.parametrize("cls", [Pipeline, Plan, Run, Result, Verdict], ids=lambda cls: cls.__name__)
def test_notebooks_can_show_it(cls: type) -> None:
    """By the method that Jupyter and others call."""
    assert hasattr(cls, "_repr_html_")


def test_what_writes_the_pages_is_loaded_when_a_notebook_asks() -> None:
    """A program that never shows one does not load it."""
    program = (
        "import sys; from llmops_sdk import Run; name = 'llmops_sdk.pipeline.notebook';"
        "before = name in sys.modules; from llmops_sdk import Pipeline;"
        "html = Pipeline.builder('x')._repr_html_(); print(before, name in sys.modules, html[:4])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "False True <div" == done.stdout.strip()
