"""Any dataset of the Hugging Face hub."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from llmops_plugins.datasets.hub import HubId, Pinned, numbered, pin, read_split
from llmops_plugins.datasets.options import HuggingFaceOptions
from llmops_plugins.datasets.rows import make_splits, shape_of
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits

if TYPE_CHECKING:
    from datasets import Dataset


class HuggingFaceDataset(DatasetSource):
    """Brings the rows of a hub dataset, split by a fraction or with a split of test rows."""

    options: HuggingFaceOptions
    _pinned: Pinned | None = None

    def fingerprint(self, context: Context) -> str:
        """Return the commit that the revision is."""
        return self._pin(context).commit

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits.

        Raises:
            DataError: The dataset cannot be had, or names the record that cannot be used, and how to mend it.
        """
        options = self.options
        pinned = self._pin(context)
        named = {"split": options.split, "test_split": options.test_split}
        loaded = {name: read_split(pinned, split, context) for name, split in named.items() if split}
        kept = {name: _json_columns(dataset) for name, dataset in loaded.items()}
        reads = {name: partial(numbered, dataset, named[name]) for name, dataset in kept.items()}
        left_out = sorted(set(loaded["split"].column_names) - set(kept["split"].column_names))
        if left_out:
            context.progress.log(f"columns of {options.id} that JSON cannot hold are left out: {', '.join(left_out)}")
        return make_splits(
            context,
            options,
            shape_of(options),
            reads["split"],
            read_test=reads.get("test_split"),
            source={"id": options.id, "commit": pinned.commit, **{key: value for key, value in named.items() if value}},
        )

    def _pin(self, context: Context) -> Pinned:
        """Resolve the commit once: the fingerprint and the rows must be of the same one."""
        if self._pinned is None:
            options = self.options
            asked = HubId(options.id, name=options.config, revision=options.revision, token=options.token)
            self._pinned = pin(asked, context)
        return self._pinned


def _json_columns(dataset: Dataset) -> Dataset:
    """Keep the columns of text, numbers, booleans, and lists or structures of them: no images, no sound, no dates."""
    return dataset.select_columns([name for name, feature in dataset.features.items() if _is_json(feature)])


def _is_json(feature: Any) -> bool:
    from datasets import Value

    if isinstance(feature, dict):
        return all(map(_is_json, feature.values()))
    if isinstance(feature, list):
        return all(map(_is_json, feature))
    if isinstance(feature, Value):
        return any(kind in feature.dtype for kind in ("string", "int", "float", "bool", "null"))
    inner = getattr(feature, "feature", None)
    return _is_json(inner) if inner is not None else hasattr(feature, "names")
