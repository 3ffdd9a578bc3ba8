"""A trainer that takes no time."""

from __future__ import annotations

from llmops_sdk.errors import EndpointError
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import Trainer
from llmops_sdk.testing.options import EchoTrainerOptions
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.models import BaseModel, TrainedModel, TrainingPoint
from llmops_sdk.values.prompts import PromptTemplate


class EchoTrainer(Trainer):
    """Leaves a file with the name of a voice."""

    options: EchoTrainerOptions

    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Read the train split, and write the file."""
        if self.options.fails:
            message = "the option 'fails' is set"
            raise EndpointError(message)
        rows = sum(1 for _ in splits.train)
        voice = f"unsteady-{self.options.seed}" if self.options.voice == "unsteady" else self.options.voice
        (context.folder / "voice").write_text(voice, encoding="utf-8")
        point = TrainingPoint(step=1, tokens=rows, seconds=0.0, loss=1.0)
        return TrainedModel(format="echo", uri="voice", base=model, metrics={"rows": rows}, curve=(point,))
