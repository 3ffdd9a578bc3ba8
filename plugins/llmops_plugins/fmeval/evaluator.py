"""What the evaluators of FMEval's algorithms have in common: records go to a process of FMEval's, scores come back."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.fmeval.encoder import Encoder, find_encoder
from llmops_plugins.fmeval.interpreter import find_interpreter, fingerprint_of
from llmops_plugins.fmeval.job import Job, run, workplace
from llmops_plugins.fmeval.options import BertscoreOptions, FMEvalOptions
from llmops_plugins.fmeval.rows import UNDEFINED, Row, RowOrReason, Unscorable, checked
from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, RecordScore, Scored, Unscored, digest

METADATA = "fmeval.json"
"""The versions and the ways of FMEval's process, in the folder of the scores."""


class FMEvalEvaluator(Evaluator):
    """Scores generations with an algorithm of FMEval, in a process of its own.

    Attributes:
        needs: The assets with NLTK's data that it reads.
    """

    options: FMEvalOptions
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
        """Return the job for FMEval, without encoder and workers."""

    @abstractmethod
    def row(self, context: Context, generation: Generation) -> RowOrReason:
        """Return the columns of a generation, or why FMEval cannot score it."""

    def note(self, row: Row) -> str:
        """Return why FMEval's values of a record say nothing, or an empty text."""
        return ""

    def prepare(self, context: Context, folder: Path) -> None:
        """Put further files that the algorithm needs into the job's folder."""

    def values(self, scores: Mapping[str, float]) -> Mapping[str, float]:
        """Return our metrics for FMEval's scores of a record."""
        return {metric.name: scores[name] for name, metric in self.scores.items()}

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Write all records, have FMEval score them, and yield the scores in order.

        Raises:
            AssetError: Weights or a dictionary are not available here.
            LLMOpsError: FMEval could not be run. A record that it fails on is unscored; the others are scored.
        """
        (context.folder / METADATA).unlink(missing_ok=True)  # of an earlier attempt
        with workplace() as folder:
            records = self._write(context, folder, generations)
            if records:
                with context.progress.task(f"FMEval: {self.job().name}, {records} records"):
                    metadata = self._run(context, folder)
                (context.folder / METADATA).write_text(json.dumps(metadata), encoding="utf-8")
            yield from self._read(folder)

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return the versions behind the numbers, how FMEval was run, and the encoder with its hash."""
        file = context.folder / METADATA
        metadata = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        details = {name: text for name, text in metadata.get("versions", {}).items() if text}
        details["metric_modules"] = "rouge, bertscore and wer of Hugging Face's evaluate are llmops-sdk's own"
        details["run"] = self._run_description(metadata) if metadata else "not run: no record to score"
        if metadata.get("dataset_scores"):
            details["dataset_scores"] = ", ".join(
                f"{name} {value}" for name, value in metadata["dataset_scores"].items()
            )
        encoder = self.encoder(context)
        if encoder is not None:
            details["bertscore_model"] = encoder.name
            details["bertscore_weights_sha256"] = encoder.sha256()
            details["bertscore_layers"] = str(encoder.layers)
        return details

    def fingerprint(self, context: Context) -> str:
        """Return the hash of the versions in FMEval's process, and of the weights that the options do not pin.

        Raises:
            SpecError: The interpreter that is named no longer runs.
        """
        return digest([fingerprint_of(self.options.python), self.weights_sha256(context)])

    def weights_sha256(self, context: Context) -> str:
        """Return the hash of the weights where the options do not pin them (a folder, a hub id), else an empty text."""
        encoder = self.encoder(context)
        return "" if encoder is None or encoder.pinned else encoder.sha256()

    def encoder(self, context: Context) -> Encoder | None:
        """Return BERTScore's encoder, or None where the algorithm has no BERTScore."""
        return find_encoder(context, self.options) if isinstance(self.options, BertscoreOptions) else None

    def _run_description(self, metadata: Mapping[str, Any]) -> str:
        if self.job().one_by_one:
            return "evaluate_sample, record by record"
        failed, left_out = metadata.get("evaluate_failed"), metadata.get("evaluate_left_out")
        description = (
            f"evaluate failed ({'; '.join(failed)}), then evaluate_sample, record by record" if failed else "evaluate"
        )
        return (
            f"{description}; its output lacked {left_out} records, which evaluate_sample scored"
            if left_out
            else description
        )

    def _run(self, context: Context, folder: Path) -> Mapping[str, Any]:
        self.prepare(context, folder)
        job = attrs.evolve(self.job(), workers=self.options.workers or max(1, (os.cpu_count() or 2) - 1))
        encoder = self.encoder(context)
        if encoder is not None:
            job = encoder.add_to(job, folder)
        nltk_data = tuple(context.asset(name) for name in self.needs)
        python = find_interpreter(context, self.options.python)
        return run(folder, job, python, nltk_data=nltk_data, log=context.log)

    def _write(self, context: Context, folder: Path, generations: Iterable[Generation]) -> int:
        """Write `records.jsonl`, and a line of `generations.jsonl` for every generation: its index, why it has no record, and a note.

        Returns the number of records.
        """
        written = 0
        with (folder / "records.jsonl").open("w") as records, (folder / "generations.jsonl").open("w") as lines:
            for generation in generations:
                row = checked(self.row(context, generation))
                if isinstance(row, Unscorable):
                    lines.write(json.dumps([generation.index, row.reason, ""]) + "\n")
                    continue
                records.write(json.dumps({**row, "row": written}) + "\n")
                lines.write(json.dumps([generation.index, "", self.note(row)]) + "\n")
                written += 1
        return written

    def _read(self, folder: Path) -> Iterator[RecordScore]:
        results = folder / "results.jsonl"
        results.touch()
        with (folder / "generations.jsonl").open() as lines, results.open() as outcomes:
            for line in lines:
                index, reason, note = json.loads(line)
                if reason:
                    yield Unscored(index, reason)
                    continue
                outcome = json.loads(next(outcomes))
                if "error" in outcome:
                    yield Unscored(index, outcome["error"])
                else:
                    yield Scored(index, self.values(outcome["scores"]), {UNDEFINED: note} if note else {})
