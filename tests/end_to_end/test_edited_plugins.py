"""A plugin that is edited between two runs: its new code and its new data are used, and nothing else is done again."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

_METRIC = """
    from llmops_sdk.plugin import Evaluator, Metric, Scored

    class Constant(Evaluator):
        @property
        def metrics(self):
            return (Metric("constant"),)

        def evaluate(self, context, generations):
            for generation in generations:
                yield Scored(generation.index, {"constant": VALUE})
"""

_PROMPT = """
    from llmops_sdk.plugin import PromptSource, TextTemplate

    class Asked(PromptSource):
        def template(self):
            return TextTemplate(prompt="TEXT {context}")
"""

_HOOKS = """
    from llmops_sdk.plugin import EvaluatorCard, Options, PromptCard, hookimpl

    @hookimpl
    def llmops_cards():
        return [
            EvaluatorCard(name="constant", summary="A constant.", options=Options, load="constants.metric:Constant"),
            PromptCard(name="asked", summary="A prompt.", options=Options, load="constants.prompt:Asked"),
        ]
"""

_PROGRAM = """
    import sys
    import llmops_sdk.testing, constants.hooks
    from llmops_sdk import Pipeline
    from llmops_sdk.progress import Progress
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.testing import EchoEndpoint

    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    registry.add("constants", constants.hooks)
    result = (
        Pipeline.builder("edited").with_dataset("lines").with_prompt("asked")
        .with_model("echo", fine_tune=False).with_evaluator("constant")
        .run(store=sys.argv[1], registry=registry, progress=Progress())
    )
    print(result.leaderboards[0].cells[0].estimates["constant"].mean, len(EchoEndpoint.asked))
"""


def _run(folder: Path, value: str, *, prompt: str = "repeat") -> list[str]:
    package = folder / "constants"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "hooks.py").write_text(textwrap.dedent(_HOOKS), encoding="utf-8")
    (package / "metric.py").write_text(textwrap.dedent(_METRIC).replace("VALUE", value), encoding="utf-8")
    (package / "prompt.py").write_text(textwrap.dedent(_PROMPT).replace("TEXT", prompt), encoding="utf-8")
    environment = {
        **os.environ,
        "LLMOPS_HOME": str(folder / "home"),
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_PROGRAM), str(folder / "runs")],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ended.stdout.split()


@pytest.mark.slow
def test_an_edited_evaluator_scores_again(tmp_path: Path) -> None:
    """The recorded answers are used; the old code's score comes back with the old code."""
    assert ["0.25", "10"] == _run(tmp_path, "0.25")
    assert ["0.75", "0"] == _run(tmp_path, "0.75")
    assert ["0.25", "0"] == _run(tmp_path, "0.25")


@pytest.mark.slow
def test_an_edited_prompt_asks_again(tmp_path: Path) -> None:
    """The key has the text of the template: a prompt that gives the same text as before asks nothing again."""
    assert ["0.25", "10"] == _run(tmp_path, "0.25")
    assert ["0.25", "10"] == _run(tmp_path, "0.25", prompt="say")
    assert ["0.25", "0"] == _run(tmp_path, "0.25")
    assert ["0.25", "0"] == _run(tmp_path, "0.25", prompt='re" + "peat')
