"""The prompt that a function marked with `@prompt` is."""

from __future__ import annotations

from llmops_sdk.functions.calls import bind
from llmops_sdk.plugin.functions.options import FunctionOptions
from llmops_sdk.plugin.interfaces import PromptSource
from llmops_sdk.values.prompts import FunctionTemplate


class FunctionPrompt(PromptSource):
    """Makes the prompt of each record with the function."""

    options: FunctionOptions

    def template(self) -> FunctionTemplate:
        """Return the function as a template."""
        settings = bind(self.options.function, "prompt", self.options.options).definition.settings
        return FunctionTemplate(function=self.options.function, options=dict(self.options.options), **settings)
