"""A plugin of one file, for the tests of shipping."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

MODULE = '''
"""A plugin of one file."""
from llmops_sdk.plugin import EvaluatorCard, Evaluator, Metric, Scored, hookimpl

class Length(Evaluator):
    @property
    def metrics(self):
        return (Metric("length"),)
    def evaluate(self, context, generations):
        for generation in generations:
            yield Scored(generation.index, {"length": float(len(generation.output))})

@hookimpl
def llmops_cards():
    return (EvaluatorCard(name="characters", summary="characters", load=f"{__name__}:Length"),)
'''


def one_file_plugin(folder: Path, name: str = "my_length") -> ModuleType:
    """Return a plugin of one file, imported as a script does."""
    path = folder / f"{name}.py"
    path.write_text(MODULE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
