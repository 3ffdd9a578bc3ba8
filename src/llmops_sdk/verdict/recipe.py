"""A recipe on a leaderboard: its checkpoints, each trained with another seed, as one candidate."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from llmops_sdk.values.results import CellResult, Speed
from llmops_sdk.verdict.table import CellColumn, MetricColumn


def join_checkpoints(columns: Sequence[CellColumn]) -> CellColumn:
    """Return the checkpoints of a recipe as one column; a single one stays what it is: a checkpoint.

    Args:
        columns: The checkpoints that have a result; one or more.
    """
    import numpy as np

    if len(columns) == 1:
        return columns[0]
    cells = [column.result for column in columns]
    names = [name for name in columns[0].scores if all(name in column.scores for column in columns)]
    scores = {
        name: MetricColumn(
            np.concatenate([column.scores[name].numbers for column in columns]),
            np.concatenate([column.scores[name].kinds for column in columns]),
        )
        for name in names
    }
    first = cells[0]
    result = attrs.evolve(
        first,
        cell=first.cell.rpartition(".")[0],
        seed=None,
        checkpoints=tuple(cells),
        training=None,
        speed=_mean_speed([cell.speed for cell in cells if cell.speed]),
        endpoint={name: text for name, text in first.endpoint.items() if all(_has(cell, name, text) for cell in cells)},
        reasons={name: reason for cell in reversed(cells) for name, reason in cell.reasons.items()},
        answered=sum(cell.answered for cell in cells),
        pending=sum(cell.pending for cell in cells),
        missing=sum(cell.missing for cell in cells),
        empty=sum(cell.empty for cell in cells),
        cut=sum(cell.cut for cell in cells),
        cut_reasoning=sum(cell.cut_reasoning for cell in cells),
        malformed=sum(cell.malformed for cell in cells),
        unscored=_sums(cell.unscored for cell in cells),
        pending_scores=_sums(cell.pending_scores for cell in cells),
        models=_sums(cell.models for cell in cells),
        undefined=_sums(cell.undefined for cell in cells),
    )
    return CellColumn(result, scores)


def _has(cell: CellResult, name: str, text: str) -> bool:
    return cell.endpoint.get(name) == text


def _sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _mean_speed(speeds: Sequence[Speed]) -> Speed | None:
    """Return the means of the checkpoints' speeds; of a number that one of them lacks, None."""
    if not speeds:
        return None

    def mean(number: Callable[[Speed], float | None]) -> float | None:
        numbers = [number(speed) for speed in speeds]
        present = [value for value in numbers if value is not None]
        return math.fsum(present) / len(present) if len(present) == len(numbers) else None

    return Speed(
        concurrency=speeds[0].concurrency,
        latency_p50=math.fsum(speed.latency_p50 for speed in speeds) / len(speeds),
        latency_p95=math.fsum(speed.latency_p95 for speed in speeds) / len(speeds),
        output_tokens_per_second=mean(lambda speed: speed.output_tokens_per_second),
        time_to_first_token_p50=mean(lambda speed: speed.time_to_first_token_p50),
    )
