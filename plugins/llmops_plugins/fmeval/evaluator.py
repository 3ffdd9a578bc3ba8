"""What the evaluators of FMEval's algorithms have in common: records out to a process of FMEval's, scores back in order."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.fmeval.interpreter import interpreter, versions
from llmops_plugins.fmeval.job import Job, run, workplace
from llmops_plugins.fmeval.rows import RowOrReason, Unscorable, checked
from llmops_plugins.fmeval.weights import Encoder, find_encoder
from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, RecordScore, Scored, Unscored, digest

FACTS = "fmeval.json"
"""What FMEval's process told about itself, in the folder of the scores."""


class FMEvalEvaluator(Evaluator):
    """Scores generations with an algorithm of the installed FMEval, in a process of its own.

    Attributes:
        needs: The assets with data of NLTK.
    """

    options: Any
    needs: tuple[str, ...] = ()

    @property
    @abstractmethod
    def scores(self) -> Mapping[str, Metric]:
        """FMEval's name of a score -> our metric; the first one decides."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The scores FMEval gives for each record."""
        return tuple(self.scores.values())

    @abstractmethod
    def job(self) -> Job:
        """Return what FMEval is asked; encoder and workers are filled in."""

    @abstractmethod
    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return the columns of a generation, or why FMEval cannot be asked about it."""

    def prepare(self, context: Context, folder: Path) -> None:
        """Put into the job's folder what else the algorithm needs."""

    def values(self, scores: Mapping[str, float]) -> Mapping[str, float]:
        """Return our metrics of FMEval's scores of a record."""
        return {metric.name: scores[name] for name, metric in self.scores.items()}

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Write all records down, have FMEval score them, and yield the scores in order.

        Raises:
            AssetError: Weights or a dictionary cannot be had here.
            LLMOpsError: FMEval could not be run; a record that it fails on costs only itself.
        """
        (context.folder / FACTS).unlink(missing_ok=True)  # of an attempt before
        with workplace() as folder:
            asked = self._write(context, folder, generations)
            if asked:
                with context.progress.task(f"FMEval: {self.job().name}, {asked} records"):
                    metadata = self._run(context, folder)
                (context.folder / FACTS).write_text(json.dumps(metadata), encoding="utf-8")
            yield from self._read(folder)

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return the versions behind the numbers, how FMEval was run, and the true encoder with its hash."""
        file = context.folder / FACTS
        metadata = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        told = {name: text for name, text in metadata.get("versions", {}).items() if text}
        told["metric_modules"] = "rouge, bertscore and wer of Hugging Face's evaluate are llmops-sdk's own"
        told["run"] = self._way(metadata) if metadata else "not at all: there was no record to score"
        if metadata.get("dataset_scores"):
            told["dataset_scores"] = ", ".join(f"{name} {value}" for name, value in metadata["dataset_scores"].items())
        encoder = self.encoder(context)
        if encoder is not None:
            told["bertscore_model"] = encoder.name
            told["bertscore_weights_sha256"] = encoder.sha256()
            told["bertscore_layers"] = str(encoder.layers)
        return told

    def fingerprint(self, context: Context) -> str:
        """Return the hash of the versions that FMEval's process has, and of the weights that the options do not pin.

        Raises:
            SpecError: The interpreter of the option `python` does not run any more.
        """
        return digest([versions(self.options.python), self.weights_sha256(context)])

    def weights_sha256(self, context: Context) -> str:
        """Return the hash of the weights where the options do not pin them, as with a folder or a hub id; else nothing."""
        encoder = self.encoder(context)
        return "" if encoder is None or encoder.pinned else encoder.sha256()

    def encoder(self, context: Context) -> Encoder | None:
        """Return BERTScore's encoder, or None where the algorithm has none."""
        return find_encoder(context, self.options) if hasattr(self.options, "bertscore_model") else None

    def _way(self, metadata: Mapping[str, Any]) -> str:
        if self.job().one_by_one:
            return "evaluate_sample, record by record"
        failed, left_out = metadata.get("evaluate_failed"), metadata.get("evaluate_left_out")
        way = f"evaluate failed ({'; '.join(failed)}), then evaluate_sample, record by record" if failed else "evaluate"
        return f"{way}; its output lacked {left_out} records, which evaluate_sample scored" if left_out else way

    def _run(self, context: Context, folder: Path) -> Mapping[str, Any]:
        self.prepare(context, folder)
        job = attrs.evolve(self.job(), workers=self.options.workers or max(1, (os.cpu_count() or 2) - 1))
        encoder = self.encoder(context)
        if encoder is not None:
            job = encoder.put_into(job, folder)
        nltk_data = tuple(context.asset(name) for name in self.needs)
        return run(folder, job, interpreter(self.options.python), nltk_data=nltk_data, log=context.log)

    def _write(self, context: Context, folder: Path, generations: Iterable[Generation]) -> int:
        """Write `records.jsonl`, and beside it a line for every generation: its index, and why it is not in there."""
        asked = 0
        with (folder / "records.jsonl").open("w") as records, (folder / "asked.jsonl").open("w") as lines:
            for generation in generations:
                row = checked(self.row(context, generation))
                if isinstance(row, Unscorable):
                    lines.write(json.dumps([generation.index, row.reason]) + "\n")
                    continue
                records.write(json.dumps({**row, "row": asked}) + "\n")
                lines.write(json.dumps([generation.index, ""]) + "\n")
                asked += 1
        return asked

    def _read(self, folder: Path) -> Iterator[RecordScore]:
        results = folder / "results.jsonl"
        results.touch()
        with (folder / "asked.jsonl").open() as lines, results.open() as found:
            for line in lines:
                index, reason = json.loads(line)
                if reason:
                    yield Unscored(index, reason)
                    continue
                outcome = json.loads(next(found))
                if "error" in outcome:
                    yield Unscored(index, outcome["error"])
                else:
                    yield Scored(index, self.values(outcome["scores"]))
