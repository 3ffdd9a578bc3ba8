"""The cards of functions: the registry finds them where a specification or a plan names a function of a file."""

from __future__ import annotations

from collections.abc import Mapping

from llmops_sdk.plugin.cards import Card, CardKind, DatasetCard, DeployerCard, EvaluatorCard, ModelCard, PromptCard
from llmops_sdk.plugin.functions.options import (
    FORMAT,
    DatasetFunctionOptions,
    FunctionOptions,
    TargetModelOptions,
    TargetOptions,
)
from llmops_sdk.values.functions import FunctionKind

NAME = "function"
"""The name of these cards."""

_SUMMARY = "a function of your own file"

CARDS: Mapping[CardKind, Card] = {
    "evaluator": EvaluatorCard(
        name=NAME, summary=_SUMMARY, load="llmops_sdk.plugin.functions.metric:FunctionMetric", options=FunctionOptions
    ),
    "dataset": DatasetCard(
        name=NAME,
        summary=_SUMMARY,
        load="llmops_sdk.plugin.functions.dataset:FunctionDataset",
        options=DatasetFunctionOptions,
    ),
    "prompt": PromptCard(
        name=NAME, summary=_SUMMARY, load="llmops_sdk.plugin.functions.prompt:FunctionPrompt", options=FunctionOptions
    ),
    "model": ModelCard(name=NAME, summary=_SUMMARY, options=TargetModelOptions, deployer=NAME, default_prompt="plain"),
    "deployer": DeployerCard(
        name=NAME,
        summary=_SUMMARY,
        load="llmops_sdk.plugin.functions.target:FunctionTarget",
        options=TargetOptions,
        accepts=(FORMAT,),
    ),
}

KIND_OF: Mapping[CardKind, FunctionKind] = {
    "evaluator": "metric",
    "dataset": "dataset",
    "prompt": "prompt",
    "model": "target",
    "deployer": "target",
}
"""What a function must be in the place of a card."""
