"""A small dataset and the plainest prompt."""

from __future__ import annotations

from collections.abc import Iterator

from llmops_sdk.data.splits import write_splits
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import DatasetSource, PromptSource
from llmops_sdk.testing.options import LinesOptions
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.prompts import PromptTemplate, TextTemplate


class Lines(DatasetSource):
    """Numbered records."""

    options: LinesOptions

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits."""
        options = self.options
        return write_splits(context.folder, self._rows, test_fraction=options.test_fraction, seed=options.seed)

    def _rows(self) -> Iterator[dict[str, str]]:
        for number in range(self.options.records):
            yield {"instruction": f"repeat {number}", "context": f"line {number}", "response": f"LINE {number}"}


class PlainPrompt(PromptSource):
    """The context alone."""

    def template(self) -> PromptTemplate:
        """Return the template."""
        return TextTemplate(prompt="{context}", completion="{response}")
