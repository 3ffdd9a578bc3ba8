"""The dataset `dolly`: Databricks Dolly 15k, which the article fine-tunes on."""

from __future__ import annotations

import json
from functools import partial

from llmops_plugins.datasets import hub
from llmops_plugins.datasets.files import existing_file, read_rows
from llmops_plugins.datasets.options import DollyOptions
from llmops_plugins.datasets.records import ReadRows, category_mapping, first_record
from llmops_plugins.datasets.splitting import Source, make_splits, split_fingerprint
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits, Record, file_sha256

HUB_ID = "databricks/databricks-dolly-15k"
_ALTERNATIVE = "use the bundled dataset 'sample', or set path to a JSONL file with Dolly's fields"
TEMPLATE = {
    "prompt": (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n"
    ),
    "completion": " {response}",
}
"""What SageMaker JumpStart reads next to `train.jsonl`; the prompt `alpaca` has the same text."""


class DollyDataset(DatasetSource):
    """Loads one category of Dolly, from the hub or from a file with the same fields: equal rows give equal splits.

    It writes `template.json` next to `train.jsonl`, so that JumpStart's fine-tuning can use the folder as it is.
    """

    options: DollyOptions
    _pinned: hub.PinnedDataset | None = None

    def fingerprint(self, context: Context) -> str:
        """Return the SHA-256 of the file or the hub's commit, and whether a model is fine-tuned, which decides the split."""
        options = self.options
        version = file_sha256(existing_file(options.path)) if options.path else self._pin(context).commit
        return ", ".join(split_fingerprint(version, context))

    def preview(self) -> Record | None:
        """Return the first record of the file, or of the hub's cache if that has the dataset."""
        if self.options.path:
            read: ReadRows = partial(read_rows, existing_file(self.options.path))
        else:
            cached = hub.stream_cached(self._dataset, "train")
            if cached is None:
                return None
            read = partial(hub.read_rows, cached, "train")
        return first_record(read, category_mapping(self.options))

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits and the template.

        Raises:
            DataError: The hub or the file cannot be read, or the category has too few records; has what to do instead.
            MissingExtraError: The dataset comes from the hub, and the `datasets` library is not installed.
        """
        source = self._from_file() if self.options.path else self._from_hub(context)
        splits = make_splits(context, self.options, category_mapping(self.options), source)
        part = context.folder / ".template.json.part"
        part.write_text(json.dumps(TEMPLATE), encoding="utf-8")
        part.replace(context.folder / "template.json")
        return splits

    def _from_file(self) -> Source:
        path = existing_file(self.options.path)
        return Source(partial(read_rows, path), {"path": str(path), "sha256": file_sha256(path)})

    def _from_hub(self, context: Context) -> Source:
        pinned = self._pin(context)
        rows = hub.load_split(pinned, "train", context)
        read = partial(hub.read_rows, rows, "train")
        return Source(read, {"id": HUB_ID, "commit": pinned.commit, "license": "CC-BY-SA-3.0"})

    def _pin(self, context: Context) -> hub.PinnedDataset:
        """Resolve the commit once: the fingerprint and the records must be of the same one."""
        if self._pinned is None:
            self._pinned = hub.pin(self._dataset, context)
        return self._pinned

    @property
    def _dataset(self) -> hub.HubDataset:
        options = self.options
        return hub.HubDataset(HUB_ID, revision=options.revision, token=options.token, alternative=_ALTERNATIVE)
