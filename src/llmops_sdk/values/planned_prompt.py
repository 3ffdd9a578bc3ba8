"""A prompt of a plan: its template, resolved to its text."""

from __future__ import annotations

from functools import cached_property

import attrs

from llmops_sdk.values.functions import function_key
from llmops_sdk.values.prompts import FunctionTemplate, PromptTemplate
from llmops_sdk.values.serial import digest, to_json

_LATER_FIELDS = ("without_context", "conversation")
"""Fields of templates that the records of version 0.1 lack."""


@attrs.frozen
class PlannedPrompt:
    """A prompt template, resolved to its text."""

    name: str
    use: str
    template: PromptTemplate

    @cached_property
    def key(self) -> str:
        """Hash of the template; fields that earlier versions lacked are part of it only where they are set."""
        template = to_json(self.template, PromptTemplate)
        if isinstance(self.template, FunctionTemplate):
            own = function_key(self.template.function, self.template.options)
            return digest({**template, "function": own, "options": {}})
        return digest({name: value for name, value in template.items() if value or name not in _LATER_FIELDS})
