"""Records as JSON for the report's script, which cannot leave its element."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from llmops_sdk.report.numbers import finite
from llmops_sdk.values.scores import Metric

Sample = Mapping[str, Any]
"""A line of `samples/<cell>.jsonl`: index, record, prompt, output, error, latency, counts, scores, score_errors, notes, probes."""

MOST_CHARACTERS = 20_000
"""Characters of one text that a report holds; the page says where it cut one."""


def pack_record(
    index: int, row: Mapping[str, Sample], cells: Sequence[tuple[str, str]], metrics: Sequence[Metric]
) -> dict[str, Any]:
    """Return one record for the page's script: fields and prompts once, then what each candidate made of it.

    Args:
        index: The record's place in the test split.
        row: Cell name to its sample.
        cells: Cell and prompt name, in the order of the answers.
        metrics: In the order of the scores.
    """
    first = next(iter(row.values()))
    prompts: dict[str, Any] = {}
    answers: list[Any] = []
    for cell, prompt_name in cells:
        sample = row.get(cell)
        if sample is None:
            answers.append(None)
            continue
        prompt = _prompt(sample.get("prompt"))
        own = {} if prompts.setdefault(prompt_name, prompt) == prompt else {"prompt": prompt}
        answers.append({**_answer(sample, metrics), **own})
    fields = [[name, _cut(value)] for name, value in first["record"].items()]
    return {"index": index, "fields": fields, "prompts": prompts, "answers": answers}


def script_json(value: Any) -> Markup:
    """Return JSON that can neither end nor change the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: S704 - nothing that HTML reads is left


_UNSAFE = re.compile("[<>&\u2028\u2029\x7f\ud800-\udfff]")


def _answer(sample: Sample, metrics: Sequence[Metric]) -> dict[str, Any]:
    scores = sample.get("scores") or {}
    answer = {
        "output": None if sample.get("output") is None else _cut(sample["output"]),
        "error": _cut(sample.get("error") or ""),
        "latency": finite(sample.get("latency")),
        "tokens": [sample.get("prompt_tokens"), sample.get("output_tokens")],
        "finish": sample.get("finish_reason") or "",
        "scores": [finite(scores.get(metric.name)) for metric in metrics],
        "unscored": {name: _cut(text) for name, text in (sample.get("score_errors") or {}).items()},
        "notes": _beside(sample),
    }
    kept_empty = ("output", "scores")
    return {
        name: value
        for name, value in answer.items()
        if name in kept_empty or value not in ("", None, {}, [], [None, None])
    }


def _beside(sample: Sample) -> list[list[Any]]:
    """Return what evaluators keep beside an answer, each with a title: their notes, and their probes' replies."""
    notes = [
        [f"{evaluator}: {name}", _cut(text)]
        for evaluator, found in (sample.get("notes") or {}).items()
        for name, text in found.items()
    ]
    probes = [
        [f"{evaluator}: probe {probe['name']}", _cut("\n".join(_told(probe)))]
        for evaluator, found in (sample.get("probes") or {}).items()
        for probe in found
    ]
    return notes + probes


def _told(probe: Mapping[str, Any]) -> Iterator[str]:
    asked = probe["prompt"]
    yield f"asked: {asked if isinstance(asked, str) else json.dumps(asked, ensure_ascii=False)}"
    if "log_probability" in probe:
        yield f"log-probability: {probe['log_probability']:.4f}"
    if "output" in probe:
        yield f"answered: {probe['output']}"
    if "error" in probe:
        yield f"failed: {probe['error']}"


def _prompt(prompt: Any) -> Any:
    if prompt is None or isinstance(prompt, str):
        return _cut(prompt or "")
    return [[str(message.get("role", "")), _cut(message.get("content", ""))] for message in prompt]


def _cut(value: Any) -> Any:
    """Return a text, or what the page shows of one that is too long: `{cut: its beginning, of: its length}`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else {"cut": text[:MOST_CHARACTERS], "of": len(text)}
