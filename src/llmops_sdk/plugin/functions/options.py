"""The options of functions: the function itself, and the values of its keyword-only parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.plugin.code import files_key
from llmops_sdk.plugin.options import DeployerOptions, ModelOptions, Options, option
from llmops_sdk.values.functions import Function, function_key
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.serial import digest

FORMAT = "function"
"""The format of the base models that are functions."""

_concurrency = attrs.validators.optional(attrs.validators.ge(1))
_positive = attrs.validators.optional(attrs.validators.gt(0))


@attrs.frozen(kw_only=True)
class FunctionOptions(Options):
    """What every function has."""

    function: Function = option(help="the function, with its sources")  # noqa: RUF009 - `option` declares a field
    options: Mapping[str, Any] = option(factory=dict, help="the values of its keyword-only parameters")

    def usual_name(self) -> str:
        """Return the function's name."""
        return self.function.name

    def in_key(self) -> dict[str, Any]:
        """Return the function by the hash of the code that it uses, and files of options by their content."""
        return function_key(self.function, self.options)


@attrs.frozen(kw_only=True)
class DatasetFunctionOptions(FunctionOptions):
    """A function that yields records, and how they are split."""

    split: Mapping[str, Any] = option(factory=dict, help="the options of the dataset 'file' that split and map rows")

    def in_key(self) -> dict[str, Any]:
        """Return those of the function, and how its records are split."""
        return {**super().in_key(), "split": dict(self.split)}


@attrs.frozen(kw_only=True)
class TargetModelOptions(ModelOptions):
    """The name of a function that answers prompts; its deployer has the function."""

    function: str = option(help="the function: api.py:ask")

    def base_model(self) -> BaseModel:
        """Return the function in the place of weights."""
        return BaseModel(FORMAT, self.function)

    def usual_name(self) -> str:
        """Return the function's name."""
        return self.function.rpartition(":")[2]


@attrs.frozen(kw_only=True)
class TargetOptions(DeployerOptions):
    """A function that answers prompts, and how it is asked."""

    function: Function = option(help="the function, with its sources")  # noqa: RUF009 - `option` declares a field
    options: Mapping[str, Any] = option(factory=dict, help="the values of its keyword-only parameters")
    concurrency: int | None = option(
        None,
        help="requests at a time; by default what @target states, or 4",
        affects_results=False,
        validator=_concurrency,
    )
    requests_per_minute: float | None = option(
        None, help="the most requests in a minute", affects_results=False, validator=_positive
    )

    def in_key(self) -> dict[str, Any]:
        """Return the function by the hash of the code that it uses, and files of options by their content."""
        return function_key(self.function, self.options)


def function_parts(options: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return the parts of the key of a function in a plan, by what messages call them.

    Args:
        options: The options of its component.
        name: What messages call the component.
    """
    function, own = options["function"], options.get("options", {})
    plain = {key: value for key, value in own.items() if key not in function["paths"]}
    hashes = {key: content["sha256"] for key, content in function["data"].items()}
    others = {key: own[key] for key in function["paths"] if key not in hashes}
    parts = {
        f"the options of {name}": digest(plain, options.get("split", {})),
        f"the code of {name}": function["code"],
    }
    return {**parts, f"the files of {name}": digest(hashes, files_key(others))} if function["paths"] else parts
