"""The cards of the reporters plugin. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.reporters.mlflow.options import MlflowOptions
from llmops_plugins.reporters.options import (
    EveryEvalEverOptions,
    HtmlOptions,
    LmEvalOptions,
    ModelCardOptions,
    TableOptions,
)
from llmops_sdk.plugin import ReporterCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[ReporterCard, ...]:
    """Return the reporters."""
    return (
        ReporterCard(
            name="html",
            summary="one HTML page that needs no network: report.html in the run's record",
            load="llmops_plugins.reporters.html:HtmlReporter",
            options=HtmlOptions,
        ),
        ReporterCard(
            name="table",
            summary="a tidy table of all scores, and one of the candidates: Parquet, JSONL or CSV",
            load="llmops_plugins.reporters.table:TableReporter",
            options=TableOptions,
        ),
        ReporterCard(
            name="model-card",
            summary="a Markdown section with the candidates, their intervals and the verdict",
            load="llmops_plugins.reporters.model_card:ModelCardReporter",
            options=ModelCardOptions,
        ),
        ReporterCard(
            name="lm-eval",
            summary="the results and samples files of lm-evaluation-harness",
            load="llmops_plugins.reporters.lm_eval:LmEvalReporter",
            options=LmEvalOptions,
        ),
        ReporterCard(
            name="every-eval-ever",
            summary="JSON of the Every Eval Ever schema, version 0.3.0",
            load="llmops_plugins.reporters.every_eval_ever:EveryEvalEverReporter",
            options=EveryEvalEverOptions,
        ),
        ReporterCard(
            name="mlflow",
            summary="runs of an MLflow server: one for the run, and nested in it one for each candidate",
            load="llmops_plugins.reporters.mlflow.reporter:MlflowReporter",
            options=MlflowOptions,
            extra="mlflow",
            requires=("mlflow",),
        ),
    )
