"""The options of functions, and the parts of their keys."""

from __future__ import annotations

from pathlib import Path

import attrs

from llmops_sdk.plugin.functions.options import (
    DatasetFunctionOptions,
    FunctionOptions,
    TargetModelOptions,
    TargetOptions,
    function_parts,
)
from llmops_sdk.values.functions import FileContent, Function
from llmops_sdk.values.models import BaseModel

FUNCTION = Function("mine.py", "f", "c0de", {"mine.py": "..."}, paths=("words", "large"))


def test_the_code_counts_and_the_rest_of_the_file_does_not() -> None:
    """The key of a component has the hash of what the function uses."""
    options = FunctionOptions(function=FUNCTION, options={"limit": 3})
    other = attrs.evolve(FUNCTION, files={"mine.py": "... edited"}, file="renamed.py")

    assert "f" == options.usual_name()
    assert options.in_key() == FunctionOptions(function=other, options={"limit": 3}).in_key()
    assert options.in_key() != FunctionOptions(function=FUNCTION, options={"limit": 4}).in_key()
    assert (
        options.in_key() != FunctionOptions(function=attrs.evolve(FUNCTION, code="new"), options={"limit": 3}).in_key()
    )
    split = DatasetFunctionOptions(function=FUNCTION, split={"seed": 1})
    assert split.in_key() != DatasetFunctionOptions(function=FUNCTION).in_key()


def test_how_fast_a_target_is_asked_does_not_count() -> None:
    """Its model is the function."""
    assert TargetOptions(function=FUNCTION).in_key() == TargetOptions(function=FUNCTION, concurrency=9).in_key()
    model = TargetModelOptions(function="mine.py:f")
    assert (BaseModel("function", "mine.py:f"), "f") == (model.base_model(), model.usual_name())


def test_the_parts_of_a_key_are_named(tmp_path: Path) -> None:
    """The options, the code, and the files by their content: those in the plan, and those that are read where they are."""
    large = tmp_path / "large.txt"
    large.write_text("a", encoding="utf-8")
    function = attrs.evolve(FUNCTION, data={"words": FileContent("words.txt", "5ha", "YQ==")})

    def parts(**options: object) -> dict[str, str]:
        values = {"words": "/a/words.txt", "large": str(large), **options}
        return function_parts(FunctionOptions(function=function, options=values).to_mapping(), "metric 'f'")

    first = parts()
    assert ["the options of metric 'f'", "the code of metric 'f'", "the files of metric 'f'"] == list(first)
    assert "c0de" == first["the code of metric 'f'"]
    assert first == parts(words="/moved/words.txt")
    large.write_text("b", encoding="utf-8")
    assert {"the files of metric 'f'"} == {name for name, value in parts().items() if value != first[name]}
