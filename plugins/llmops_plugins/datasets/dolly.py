"""Databricks Dolly 15k: what the article fine-tunes on."""

from __future__ import annotations

import json
from functools import partial

from llmops_plugins.datasets import hub
from llmops_plugins.datasets.files import located, numbered
from llmops_plugins.datasets.options import DollyOptions
from llmops_plugins.datasets.rows import Read, category_shape, make_splits
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits, file_sha256

HUB_ID = "databricks/databricks-dolly-15k"
_INSTEAD = "use the bundled dataset 'sample', or give a JSONL file of Dolly's fields as path"
TEMPLATE = {
    "prompt": (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n"
    ),
    "completion": " {response}",
}
"""What SageMaker JumpStart reads beside `train.jsonl`; the prompt `alpaca` says the same."""


class DollyDataset(DatasetSource):
    """Brings one category of Dolly, from the hub or from a file of the same fields: equal rows give equal splits.

    It leaves `template.json` beside `train.jsonl`, so that the folder is what JumpStart's fine-tuning takes.
    """

    options: DollyOptions
    _pinned: hub.Pinned | None = None

    def fingerprint(self, context: Context) -> str:
        """Return the SHA-256 of the file, or the hub's commit."""
        if self.options.path:
            return file_sha256(located(self.options.path))
        return self._pin(context).commit

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits and the template.

        Raises:
            DataError: The hub or the file cannot be read, or the category has too few rows; says what to do instead.
            MissingExtraError: The hub is asked for, and the `datasets` library is not installed.
        """
        read, source = self._from_file() if self.options.path else self._from_hub(context)
        splits = make_splits(context, self.options, category_shape(self.options.category), read, source=source)
        part = context.folder / ".template.json.part"
        part.write_text(json.dumps(TEMPLATE), encoding="utf-8")
        part.replace(context.folder / "template.json")
        return splits

    def _from_file(self) -> tuple[Read, dict[str, str]]:
        path = located(self.options.path)
        return partial(numbered, path), {"path": str(path), "sha256": file_sha256(path)}

    def _from_hub(self, context: Context) -> tuple[Read, dict[str, str]]:
        pinned = self._pin(context)
        rows = hub.read_split(pinned, "train", context)
        return partial(hub.numbered, rows, "train"), {"id": HUB_ID, "commit": pinned.commit, "license": "CC-BY-SA-3.0"}

    def _pin(self, context: Context) -> hub.Pinned:
        """Resolve the commit once: the fingerprint and the rows must be of the same one."""
        if self._pinned is None:
            asked = hub.HubId(HUB_ID, revision=self.options.revision, token=self.options.token, instead=_INSTEAD)
            self._pinned = hub.pin(asked, context)
        return self._pinned
