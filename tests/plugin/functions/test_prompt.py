"""Prompts that are functions: their template has what the decorator states."""

from __future__ import annotations

from llmops_sdk.plugin.functions.options import FunctionOptions
from llmops_sdk.plugin.functions.prompt import FunctionPrompt
from llmops_sdk.values.functions import Function

TEXT = """
from llmops_sdk import prompt

@prompt(response_key="A:", completion=" {response}", stop=["###"])
def f(record, *, style: str = "short"):
    return style
"""


def test_the_template_is_the_function_with_its_options() -> None:
    """It is made into text for each record, when it is asked."""
    function = Function("mine.py", "f", "c0de", {"mine.py": TEXT})

    template = FunctionPrompt(FunctionOptions(function=function, options={"style": "long"})).template()

    assert (function, {"style": "long"}) == (template.function, template.options)
    assert ("A:", " {response}", ("###",)) == (template.response_key, template.completion, template.stop)
