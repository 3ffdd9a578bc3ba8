"""The cards of the recorded plugin. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_plugins.recorded.names import EXTRA, RECORDED, SCORES
from llmops_plugins.recorded.options import RecordedOptions, RecordedScoresOptions
from llmops_sdk.plugin import Card, DeployerCard, EvaluatorCard, ModelCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """Return the cards of recorded answers."""
    return (
        ModelCard(
            name="recorded",
            summary="answers recorded before: a JSONL, CSV or Parquet file in place of a model",
            options=RecordedModelOptions,
            deployer="recorded",
            uses_prompts=False,
        ),
        # no `requires`: only Parquet needs a library
        DeployerCard(
            name="recorded",
            summary="looks up each test record's answer in the file",
            load="llmops_plugins.recorded.deployer:Recorded",
            options=RecordedOptions,
            extra=EXTRA,
            accepts=(RECORDED,),
            answers_differ="never",
        ),
        EvaluatorCard(
            name=SCORES,
            summary="the scores that came with recorded answers, as they are",
            load="llmops_plugins.recorded.scores:RecordedScores",
            options=RecordedScoresOptions,
        ),
    )
