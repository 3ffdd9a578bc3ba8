"""The specification of a comparison: an ordinary pipeline over the files of its normal form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.pipeline.imports.entries import KEY, MODEL_CARD, PROMPT_CARD, SCORES_CARD
from llmops_sdk.pipeline.imports.metrics import Chosen
from llmops_sdk.pipeline.imports.normal_form import GROUP, NormalForm, score_fields
from llmops_sdk.pipeline.imports.pairing import concerns
from llmops_sdk.planning.specification.spec import ComponentSpec, ModelSpec, Spec
from llmops_sdk.values.imports import IMPORTED_RECORDS
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import to_json


@attrs.frozen(kw_only=True)
class Decision:
    """What the user says of the verdict.

    Attributes:
        name: The name of the pipeline.
        metric: The metric that decides; empty for the first that all have.
        baseline: The candidate that the others must not be worse than, or empty.
        margin: The difference from it that does not matter.
        weights: Dataset name to its weight.
        metrics: What the user says of metrics, by their names.
    """

    name: str
    metric: str = ""
    baseline: str = ""
    margin: float | None = None
    weights: Mapping[str, float] = attrs.field(factory=dict)
    metrics: Mapping[str, Metric] = attrs.field(factory=dict)


def make_specification(
    chosen: Chosen, files: NormalForm, place: Path, caveats: Mapping[str, Sequence[str]], decision: Decision
) -> Spec:
    """Return the specification.

    Args:
        chosen: What is compared.
        files: The files.
        place: The folder where they are kept.
        caveats: Dataset name to what must be known beside its verdict.
        decision: What the user says of the verdict.
    """
    several = len(files.boards) > 1
    datasets = [
        ComponentSpec(
            IMPORTED_RECORDS,
            board.name,
            {
                "path": str(place / board.path.name),
                **({"group": GROUP} if board.grouped else {}),
                **({"caveat": " ".join(caveats[board.name])} if caveats[board.name] else {}),
            },
        )
        for board in files.boards
    ]
    models = [
        ModelSpec(
            MODEL_CARD,
            name,
            {
                "path": str(place / path.name),
                "id": KEY,
                "scores": score_fields(chosen.metrics),
                **({"shared": True} if several else {}),
            },
        )
        for name, path in files.answers.items()
    ]
    scores = {"metrics": [_described(metric) for metric in chosen.metrics], "origin": _origin(chosen)}
    return Spec(
        name=decision.name,
        datasets=tuple(datasets),
        prompts=(ComponentSpec(PROMPT_CARD),),
        models=tuple(models),
        evaluators=(ComponentSpec(SCORES_CARD, options=scores),),
        decide_by=chosen.metrics[0].name,
        baseline=decision.baseline,
        margin=decision.margin,
        weights=decision.weights,
    )


def _described(metric: Metric) -> dict[str, Any]:
    values: dict[str, Any] = to_json(metric)
    return {name: value for name, value in values.items() if value not in ("", None) or name == "higher_is_better"}


def _origin(chosen: Chosen) -> dict[str, str]:
    """Return what the scores rest on; where sources differ, as declared, each with its candidate."""
    metrics = {metric.name for metric in chosen.metrics}
    values: dict[str, dict[str, list[str]]] = {}
    for entries in chosen.boards.entries.values():
        for entry in entries:
            for name, value in entry.must_agree.items():
                if concerns(name, metrics):
                    values.setdefault(name, {}).setdefault(value, []).append(entry.name)
    return {
        name: next(iter(by_value))
        if len(by_value) == 1
        else "; ".join(f"{', '.join(dict.fromkeys(candidates))}: {value}" for value, candidates in by_value.items())
        for name, by_value in sorted(values.items())
    }
