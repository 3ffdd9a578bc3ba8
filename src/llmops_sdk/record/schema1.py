"""Records as llmops-sdk 0.1 wrote them (schema 1), as JSON of schema 2."""

from __future__ import annotations

from typing import Any

from llmops_sdk.record.metadata import RUN_SCHEMA


def upgrade_metadata(data: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of `run.json`: `facts` are `details`."""
    data = dict(data)
    details = data.pop("facts", {})
    return {**data, "details": details, "schema": RUN_SCHEMA}
