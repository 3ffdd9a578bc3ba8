"""The cards of the importers. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.importers.options import MlflowImportOptions, TableImportOptions, ToolImportOptions
from llmops_sdk.plugin import ImporterCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[ImporterCard, ...]:
    """Return the cards of the importers."""
    return (
        # no `requires`: only Parquet needs a library
        ImporterCard(
            name="table",
            summary="a table with a row for each record: JSONL, JSON, CSV, TSV or Parquet, also compressed",
            load="llmops_plugins.importers.tables.importer:TableImporter",
            options=TableImportOptions,
            extra="datasets",
            is_fallback=True,
        ),
        ImporterCard(
            name="lm-eval",
            summary="results of lm-evaluation-harness: samples_*.jsonl, results_*.json, or a folder with them",
            load="llmops_plugins.importers.lm_eval:LmEval",
            options=ToolImportOptions,
        ),
        # no `requires`: another importer's file must not need the library
        ImporterCard(
            name="inspect",
            summary="logs of Inspect (.eval, .json), or a folder with them",
            load="llmops_plugins.importers.inspect_log:Inspect",
            options=ToolImportOptions,
            extra="inspect",
        ),
        ImporterCard(
            name="promptfoo",
            summary="results of promptfoo: results.json or results.jsonl; each provider with each prompt is a candidate",
            load="llmops_plugins.importers.promptfoo:Promptfoo",
            options=ToolImportOptions,
        ),
        ImporterCard(
            name="mlflow",
            summary="evaluation tables of MLflow: eval_results_table.json, or a saved result_df",
            load="llmops_plugins.importers.mlflow:Mlflow",
            options=MlflowImportOptions,
            extra="datasets",
        ),
        ImporterCard(
            name="bedrock",
            summary="output of Amazon Bedrock's evaluation jobs of models, automatic or with a judge",
            load="llmops_plugins.importers.bedrock:Bedrock",
            options=ToolImportOptions,
        ),
        ImporterCard(
            name="fmeval",
            summary="output of FMEval: ALGORITHM_DATASET.jsonl, or a folder with such files",
            load="llmops_plugins.importers.fmeval:FMEval",
            options=ToolImportOptions,
        ),
    )
