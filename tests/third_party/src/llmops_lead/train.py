"""Learns how many sentences to keep."""

from __future__ import annotations

import os

from llmops_sdk.plugin import BaseModel, Context, DatasetSplits, PromptTemplate, TrainedModel, Trainer


def sentences(text: str) -> list[str]:
    """Return the sentences of a text that ends each with a full stop."""
    return [f"{part.strip()}." for part in text.split(".") if part.strip()]


class LeadTrainer(Trainer):
    """Takes the mean number of sentences of the references."""

    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Count, and leave the number in a file."""
        counts = []
        with context.progress.task("counting", splits.train.records, "records") as task:
            for record in splits.train:
                counts.append(len(sentences(record["response"])))
                task.advance()
        keep = min(round(sum(counts) / len(counts)), self.options.most)
        (context.folder / "sentences").write_text(str(keep), encoding="utf-8")
        return TrainedModel(format="lead", uri="sentences", base=model, metrics={"keep": keep, "process": os.getpid()})
