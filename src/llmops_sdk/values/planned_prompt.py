"""A prompt of a plan: its template, resolved to its text, and how it retrieves what it adds to each record."""

from __future__ import annotations

from functools import cached_property

import attrs

from llmops_sdk.values.functions import function_key
from llmops_sdk.values.prompts import FunctionTemplate, PromptTemplate
from llmops_sdk.values.retrieval import Retrieval
from llmops_sdk.values.serial import digest, to_json

_LATER_FIELDS = ("without_context", "conversation")
"""Fields of templates that the records of version 0.1 lack."""


@attrs.frozen
class PlannedPrompt:
    """A prompt template, resolved to its text, and what it adds to each record.

    Attributes:
        name: Its name in this pipeline.
        use: The card's name.
        template: The template.
        examples: How it finds examples in the train split, or None.
        retrieve: How it finds passages in documents, or None.
    """

    name: str
    use: str
    template: PromptTemplate
    examples: Retrieval | None = None
    retrieve: Retrieval | None = None

    @property
    def retrieves(self) -> bool:
        """Whether it adds something to each record."""
        return self.examples is not None or self.retrieve is not None

    @cached_property
    def key(self) -> str:
        """Hash of the template, and of how it retrieves; without retrieval it is that of the template alone."""
        if not self.retrieves:
            return self._template_key
        return digest(self._template_key, *(each and each.key for each in (self.examples, self.retrieve)))

    @cached_property
    def _template_key(self) -> str:
        """Hash of the template; fields that earlier versions lacked are part of it only where they are set."""
        template = to_json(self.template, PromptTemplate)
        if isinstance(self.template, FunctionTemplate):
            own = function_key(self.template.function, self.template.options)
            return digest({**template, "function": own, "options": {}})
        return digest({name: value for name, value in template.items() if value or name not in _LATER_FIELDS})
