"""What an evaluator's summary of a cell is made of: the test records, each with its score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llmops_sdk.errors import SpecError
from llmops_sdk.plugin.cards import EvaluatorCard
from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.answers import Pending
from llmops_sdk.values.data import Record
from llmops_sdk.values.plan import Component
from llmops_sdk.values.scores import RecordScore, Unscored
from llmops_sdk.values.summaries import ScoredRecord


def summarizing(registry: Registry, component: Component) -> Evaluator | None:
    """Return the evaluator of a component that has a summary of all records; None for others, which are not loaded.

    Without its plugin there is none: a gate reads the scores of a run, and needs no plugin.
    """
    try:
        card = registry.offer("evaluator", component.use).card
    except SpecError:
        return None
    if not isinstance(card, EvaluatorCard) or not card.has_summary:
        return None
    evaluator: Evaluator = registry.make("evaluator", component.use, component.options)
    return evaluator


def scored_records(
    records: Iterable[Record], scores: Iterator[RecordScore], failed: Sequence[bool]
) -> Iterator[ScoredRecord]:
    """Yield the records that have a score, and those that the candidate failed to answer, in their order.

    Args:
        records: All test records.
        scores: Those that are there, in the order of the records.
        failed: Of each record, whether the candidate failed to answer it.
    """
    following = next(scores, None)
    for index, record in enumerate(records):
        if following is not None and following.index == index:
            if not isinstance(following, Pending):
                yield ScoredRecord(record, following)
            following = next(scores, None)
        elif failed[index]:
            yield ScoredRecord(record, Unscored(index, "it has no answer", is_failure=True))
