"""The cards of the prompts plugin. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.prompts.options import ChatOptions, TemplateOptions
from llmops_sdk.plugin import Asset, Check, Options, PromptCard, RetrieverCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[PromptCard | RetrieverCard, ...]:
    """Return the prompts, and the retriever that finds examples and passages for them by their words."""
    return (
        PromptCard(
            name="alpaca",
            summary="instruction, input and response under headings: what the article and JumpStart use",
            load="llmops_plugins.prompts.bundled:Alpaca",
            options=Options,
        ),
        PromptCard(
            name="plain",
            summary="the instruction and the context with a blank line between them, and nothing else",
            load="llmops_plugins.prompts.bundled:Plain",
            options=Options,
        ),
        PromptCard(
            name="chat",
            summary="the record's messages, or its instruction and context as one, in the model's own chat format",
            load="llmops_plugins.prompts.bundled:Chat",
            options=ChatOptions,
        ),
        PromptCard(
            name="template",
            summary="your own template, from a YAML or JSON file (JumpStart's template.json) or from options",
            load="llmops_plugins.prompts.template:OwnTemplate",
            options=TemplateOptions,
        ),
        RetrieverCard(
            name="bm25",
            summary="texts with the words of the record, rare words first: BM25, computed by bm25s",
            load="llmops_plugins.prompts.bm25:Bm25",
            options=Options,
            extra="retrieval",
            requires=("bm25s",),
        ),
    )


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return nothing: templates are text."""
    return ()


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return nothing: templates are checked when a pipeline is built."""
    return ()
