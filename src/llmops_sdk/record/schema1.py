"""Records as llmops-sdk 0.1 wrote them (schema 1), as JSON of schema 2."""

from __future__ import annotations

from typing import Any

_UPGRADED = 2
_ANSWER = (
    "output",
    "latency",
    "prompt_tokens",
    "output_tokens",
    "finish_reason",
    "log_probability",
    "time_to_first_token",
)


def upgrade_metadata(data: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of `run.json`: what an executor added had another name."""
    data = dict(data)
    details = data.pop("facts", {})
    return {**data, "details": details, "schema": _UPGRADED}


def upgrade_started(data: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of `<step>.started.json`, which has no schema: it had `at` for `started_at`."""
    if "started_at" in data:
        return data
    return {name: data[name] for name in ("step", "host", "pid")} | {
        "started_at": data["at"],
        "heartbeat": data["beat"],
    }


def upgrade_results(data: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of `results.json`, or of the artifact it is made of: the metadata of trainings had another name."""
    boards = [{**board, "cells": [_cell(cell) for cell in board["cells"]]} for board in data["leaderboards"]]
    return {**data, "leaderboards": boards}


def upgrade_artifact(address: str, value: Any) -> Any:
    """Return the JSON of an artifact's value.

    Args:
        address: `kind/key`.
        value: Its value in schema 1.
    """
    kind = address.partition("/")[0]
    if kind == "model":
        return _model(value)
    if kind == "results":
        return upgrade_results(value)
    if kind == "scores":
        return {**value, "pending": 0, "sha256": ""}
    return value


def upgrade_outcome(data: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a line of a journal or of `generations.jsonl`: it had no tag and no nested answer."""
    if "output" in data:
        answer = {name: data[name] for name in _ANSWER if data.get(name) is not None}
        return {"type": "Answered", "index": data["index"], "answer": answer}
    tag = "Unanswered" if data["permanent"] else "Pending"
    return {"type": tag, "index": data["index"], "error": data["error"]}


def upgrade_score(data: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a line of `scores.jsonl`: it had no tag."""
    return {"type": "Scored" if "scores" in data else "Unscored", **data}


def upgrade_sample(data: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a line of `samples/<cell>.jsonl`: all fields of the answer stood beside the scores."""
    fields = {name: value for name, value in data.items() if value is not None}
    probes = {
        name: [_probe(probe, data["index"]) for probe in probes] for name, probes in data.get("probes", {}).items()
    }
    return {
        "record": data["record"],
        "prompt": _prompt(data["prompt"]),
        "outcome": upgrade_outcome(fields),
        "scores": data["scores"],
        "score_errors": data["score_errors"],
        "notes": data.get("notes", {}),
        "probes": probes,
    }


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    return {**cell, "training": _model(cell["training"]) if cell["training"] else None}


def _model(model: dict[str, Any]) -> dict[str, Any]:
    model = dict(model)
    metadata = model.pop("facts", {})
    return {**model, "metadata": metadata}


def _probe(probe: dict[str, Any], index: int) -> dict[str, Any]:
    fields = {"index": index, "permanent": True, **probe}
    if "error" not in probe:
        fields.setdefault("output", "")
    return {"name": probe["name"], "prompt": _prompt(probe["prompt"]), "outcome": upgrade_outcome(fields)}


def _prompt(prompt: Any) -> dict[str, Any]:
    if isinstance(prompt, str):
        return {"type": "TextPrompt", "text": prompt}
    return {"type": "ChatPrompt", "messages": prompt}
