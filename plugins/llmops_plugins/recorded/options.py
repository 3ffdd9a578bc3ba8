"""The options of the deployer `recorded`, with the checks before a run, and of the evaluator `recorded-scores`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_sdk.plugin import (
    BaseModel,
    Billing,
    Check,
    DeployerOptions,
    EvaluatorOptions,
    Metric,
    Prompt,
    Record,
    option,
)


@attrs.frozen(kw_only=True)
class RecordedOptions(DeployerOptions):
    """Recorded answers need no options: those of the model name the file."""

    def billing(self, base: BaseModel) -> Billing:
        """Return that nothing is billed: the answers are in a file."""
        return Billing("nothing")

    def local_checks(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Yield the check of the file: it can be read, and has answers and something to join them by."""
        from llmops_plugins.recorded.preflight import check_file

        yield Check(f"answers in {Path(base.source).name}", partial(check_file, RecordedModelOptions.of(base)))

    def record_checks(
        self, base: BaseModel, asked: Sequence[tuple[Record, Prompt]], *, is_whole: bool
    ) -> Iterable[Check]:
        """Yield the check of what the answers are joined by, and how many records have one."""
        from llmops_plugins.recorded.preflight import check_records

        name = f"answers in {Path(base.source).name} for the {'test records' if is_whole else 'first record'}"
        yield Check(name, partial(check_records, RecordedModelOptions.of(base), asked, is_whole=is_whole))


def _some_metrics(_options: object, _attribute: object, value: tuple[Metric, ...]) -> None:
    if not value:
        message = "metrics is empty; name at least one: metrics: [{name: quality}]"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class RecordedScoresOptions(EvaluatorOptions):
    """The scores to take over, by the names that the `scores` of the recorded models give them."""

    metrics: tuple[Metric, ...] = option(
        help="the metrics: {name: quality, label: Quality, higher_is_better: true, bounds: [0, 1]}; all but the name may be"
        " left out",
        validator=_some_metrics,
    )
    origin: Mapping[str, str] = option(
        factory=dict, help="what the scores rest on, such as a grader's version; it is kept with them"
    )
