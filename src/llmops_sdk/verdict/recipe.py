"""A recipe on a leaderboard: its checkpoints, each trained with another seed, as one candidate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs

from llmops_sdk.values.results import Speed
from llmops_sdk.verdict.costs import join_costs
from llmops_sdk.verdict.joined import join_cells
from llmops_sdk.verdict.summaries import join_summaries
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
    result = attrs.evolve(
        join_cells(cells),
        cell=cells[0].cell.rpartition(".")[0],
        seed=None,
        checkpoints=tuple(cells),
        training=None,
        speed=_mean_speed([cell.speed for cell in cells if cell.speed]),
        cost=join_costs([cell.cost for cell in cells]),
        summaries=join_summaries([cell.summaries for cell in cells]),
    )
    return CellColumn(result, scores)


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
