"""What `llmops doctor` looks at for the datasets."""

from __future__ import annotations

from importlib import metadata, util

from llmops_plugins.datasets.options import EXTRA
from llmops_plugins.datasets.sample import SAMPLE
from llmops_sdk.plugin import Check, DataError, Finding, read_jsonl


def checks() -> tuple[Check, ...]:
    """Return the checks: the bundled rows, and the library that reaches the hub."""
    return Check("bundled dataset", look_at_sample), Check("datasets library", look_at_library)


def look_at_sample() -> Finding:
    """Say whether the bundled rows are there and can be read."""
    try:
        records = sum(1 for _ in read_jsonl(SAMPLE))
    except DataError as exc:
        return Finding("error", str(exc), "pip install --force-reinstall llmops-sdk")
    return Finding("ok", f"sample: {records} records")


def look_at_library() -> Finding:
    """Say whether hub datasets can be loaded, without importing the library."""
    if util.find_spec("datasets") is None:
        return Finding(
            "warning",
            "not installed: dolly needs path=..., and the huggingface dataset cannot be used",
            f"pip install 'llmops-sdk[{EXTRA}]'",
        )
    return Finding("ok", f"datasets {metadata.version('datasets')}")
