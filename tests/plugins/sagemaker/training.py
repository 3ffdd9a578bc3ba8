"""A training step as the worker runs it, for the tests of JumpStart training."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.jumpstart.options import JumpStartTrainingOptions
from llmops_plugins.sagemaker.jumpstart.trainer import JumpStartTrainer
from llmops_plugins.sagemaker.names import RESPONSE_KEY
from llmops_sdk.plugin import BaseModel, Context, DatasetSplits, TextTemplate, TrainedModel

from .fixtures import MODEL_ID

MakeContext = Callable[..., Context]

OPTIONS = JumpStartTrainingOptions(hyperparameters={"epoch": 1, "max_input_length": "1024"}, poll_seconds=0.01)
BASE = BaseModel("jumpstart", MODEL_ID, "4.*", {"accept_eula": "true"})
PROMPT = TextTemplate("Do: {instruction}\n\nWith: {context}\n\n", RESPONSE_KEY, " {response}")
JOB = "llmops-train-4a4a4b85914714235484efb2"
"""The job of the model whose key is `artifact`; a version that named it otherwise would find no job of this one."""


def train(
    context: Context, splits: DatasetSplits, options: JumpStartTrainingOptions = OPTIONS, base: BaseModel = BASE
) -> TrainedModel:
    """Train as the `train` step does: the job is stopped unless it has ended."""
    trainer = JumpStartTrainer(options)
    resources = trainer.resources(context)
    try:
        return trainer.train(context, base, splits, PROMPT)
    finally:
        for resource in resources:
            trainer.delete(context, resource)
