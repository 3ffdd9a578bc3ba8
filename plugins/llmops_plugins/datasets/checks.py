"""The checks of `llmops doctor` for the datasets."""

from __future__ import annotations

from importlib import metadata, util

from llmops_plugins.datasets.options import EXTRA
from llmops_plugins.datasets.sample import SAMPLE
from llmops_sdk.plugin import Check, DataError, Finding, install_hint, read_jsonl


def checks() -> tuple[Check, ...]:
    """Return the checks: the bundled records, and the library that loads datasets from the hub."""
    return Check("bundled dataset", check_sample), Check("datasets library", check_library)


def check_sample() -> Finding:
    """Check that the bundled records can be read."""
    try:
        count = sum(1 for _ in read_jsonl(SAMPLE))
    except DataError as exc:
        return Finding("error", str(exc), "pip install --force-reinstall llmops-sdk")
    return Finding("ok", f"sample: {count} records")


def check_library() -> Finding:
    """Check that datasets can be loaded from the hub, without importing the library."""
    if util.find_spec("datasets") is None:
        return Finding(
            "warning",
            "not installed: the dataset 'dolly' needs path=..., and 'huggingface' is not available",
            install_hint(EXTRA),
        )
    return Finding("ok", f"datasets {metadata.version('datasets')}")
