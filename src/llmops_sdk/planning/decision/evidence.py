"""What a run can show, before it runs: the smallest difference that its test records find, and the records others need.

How far the scores of two candidates lie apart from record to record is not known yet. A quarter of the metric's range is
assumed; scores that are less spread show more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from llmops_sdk.errors import LLMOpsError
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import DatasetSource, Evaluator
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, prints_to_stderr
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.plan import Component, Plan
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.statistics.comparison import FEWEST_RECORDS
from llmops_sdk.verdict.statistics.sample_size import detectable_difference, needed_for_margin, needed_records

SPREAD = 0.25
"""The assumed standard deviation of the differences from record to record, as a share of the metric's range."""

_SHARES = (0.1, 0.05, 0.02)
"""Differences whose number of records is given, as shares of the range."""


def expected_evidence(plan: Plan, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield what the test records of each dataset can show: a label, the dataset, and a sentence.

    Nothing is known of a single candidate, of a metric without bounds, and of a dataset that is large or remote; then the
    records that some differences need are all that is given.

    Args:
        plan: The plan.
        registry: The installed plugins.
    """
    candidates = len({cell.candidate for cell in plan.cells})
    metric = _deciding_metric(plan, registry)
    if candidates == 1 or metric is None or metric.bounds is None:
        return
    width = metric.bounds[1] - metric.bounds[0]
    label = metric.label or metric.name
    for dataset in plan.datasets:
        records = _test_records(plan, dataset, registry)
        if records is None:
            continue
        if records < FEWEST_RECORDS:
            text = f"nothing: {records} test records are too few, it takes at least {FEWEST_RECORDS}"
        else:
            difference = detectable_difference(records, SPREAD * width, candidates)
            text = f"on {records:,} test records, a true difference of {difference:.2g} in {label} is found in four of five runs"
        yield "can show", dataset.name, text
    counts = ", ".join(
        f"{share * width:g} takes {needed_records(share, SPREAD, candidates):,} records" for share in _SHARES
    )
    yield "", "", f"a difference of {counts}: assumed is a spread of a quarter of the range of {label}"
    if plan.margin:
        needed = needed_for_margin(plan.margin, SPREAD * width, equivalence=False)
        yield (
            "",
            "",
            f"that an equal candidate is no worse than {plan.baseline} by {plan.margin:g} takes {needed:,} records",
        )


def _deciding_metric(plan: Plan, registry: Registry) -> Metric | None:
    for component in plan.evaluators:
        evaluator: Evaluator = registry.make("evaluator", component.use, component.options)
        with contextlib.suppress(*PLUGIN_FAILURES):
            for metric in evaluator.metrics:
                if metric.name == plan.metric:
                    return metric
    return None


def _test_records(plan: Plan, dataset: Component, registry: Registry) -> int | None:
    """Return the number of test records of a small dataset; None of another one, or of one that cannot be read."""
    source: DatasetSource = registry.make("dataset", dataset.use, dataset.options)
    with contextlib.suppress(LLMOpsError, *PLUGIN_FAILURES), prints_to_stderr():
        if source.preview() is None or not source.is_small:
            return None
        with TemporaryDirectory(prefix="llmops-") as folder:
            trains = any(model.trainer is not None for model in plan.models)
            return source.load(Context(folder=Path(folder), home=Path(folder), trains=trains)).test.records
    return None
