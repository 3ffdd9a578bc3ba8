"""Asks FMEval for scores: `PYTHON worker.py FOLDER`, started by `child.py` with an environment made for it.

The folder has `job.json` (see `job.py`) and `records.jsonl`, one JSON object per line with the columns FMEval reads and
`row`, an ascending number. The worker writes `results.jsonl`, in the same order, with `row` and either `scores` or
`error`; and `metadata.json`. No file of FMEval is changed. FMEval and its libraries are imported inside functions, after
the environment is checked.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

Job = Mapping[str, Any]
Row = Mapping[str, Any]

# FMEval reads and shuffles a complete dataset, and takes at most 100,000 records of one.
_RECORDS_AT_A_TIME = 10_000
_PACKAGES = ("ray", "evaluate", "datasets", "nltk", "rouge-score", "bert-score", "jiwer", "transformers", "torch")


def main() -> None:
    """Do the job and exit; a failure is in `metadata.json`."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    try:
        metadata = _run(job, folder)
        code = 0
    except Exception as exc:  # noqa: BLE001 - every error is reported to the parent
        traceback.print_exc()
        metadata, code = {"failure": _reason(exc)}, 1
    (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    sys.stderr.flush()
    os._exit(code)  # without waiting for the threads of Ray and torch


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def _run(job: Job, folder: Path) -> dict[str, Any]:
    installed = _version("fmeval")
    if installed != job["fmeval"]:
        message = f"{sys.executable!r} has {f'fmeval {installed}' if installed else 'no fmeval'}, but {job['fmeval']} is needed"
        raise RuntimeError(message)
    import nltk

    nltk.download = lambda *_args, **_options: True  # FMEval asks for downloads; NLTK_DATA has its files already
    metadata: dict[str, Any] = {
        "versions": {
            "python": sys.version.split()[0],
            "fmeval": installed,
            **{name: _version(name) for name in _PACKAGES},
        }
    }
    if job["labels_from_targets"]:
        labels = sorted({row["target_output"] for rows in _batches(folder / "records.jsonl") for row in rows})
        job = {**job, "config": {**job["config"], "valid_labels": labels}}
    scorer = _RecordScorer(job) if job["one_by_one"] else _DatasetScorer(job, folder)
    with (folder / "results.jsonl").open("w", encoding="utf-8") as out:
        for rows in _batches(folder / "records.jsonl"):
            for row, outcome in zip(rows, scorer.score(rows), strict=True):
                out.write(json.dumps({"row": row["row"], **outcome}) + "\n")
    return {**metadata, **scorer.metadata()}


def _batches(file: Path) -> Iterator[list[Row]]:
    with file.open(encoding="utf-8") as lines:
        while rows := [json.loads(line) for line in islice(lines, _RECORDS_AT_A_TIME)]:
            yield rows


# -- FMEval's two functions -------------------------------------------------------------------------------------------------


class _DatasetScorer:
    """Scores complete datasets with `evaluate()`, which runs on Ray; where that fails, each record on its own.

    FMEval fails for all records when one of them raises an error.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        self._job = job
        self._folder = folder
        self._algorithm = _algorithm(job)
        self._failures: list[str] = []
        self._left_out = 0
        self._means: list[dict[str, float]] = []

    def score(self, rows: Sequence[Row]) -> Iterable[Mapping[str, Any]]:
        """Return an outcome for each row, in their order."""
        try:
            outcomes = self._evaluate(rows)
        except Exception as exc:  # noqa: BLE001 - every error is reported to the parent
            traceback.print_exc()
            self._failures.append(_reason(exc))
            outcomes = {}
        else:
            self._left_out += sum(row["row"] not in outcomes for row in rows)
        record_scorer = _RecordScorer(self._job)
        for row in rows:
            yield outcomes[row["row"]] if row["row"] in outcomes else record_scorer.score_one(row)

    def metadata(self) -> dict[str, Any]:
        """Return how the records were scored, and FMEval's own means where they cover all records."""
        details: dict[str, Any] = {"evaluate_failed": self._failures, "evaluate_left_out": self._left_out}
        of_all = len(self._means) == 1 and not self._failures and not self._left_out
        return {**details, "dataset_scores": self._means[0]} if of_all else details

    def _evaluate(self, rows: Sequence[Row]) -> dict[int, dict[str, Any]]:
        from fmeval.constants import MIME_TYPE_JSONLINES
        from fmeval.data_loaders.data_config import DataConfig

        data = self._folder / "data.jsonl"
        with data.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
        # FMEval keeps only its own columns: one that this algorithm does not use carries the row's number.
        number = self._job["row_column"]
        locations = {f"{name}_location": name for name in self._job["columns"]}
        config = DataConfig(
            dataset_name="records",
            dataset_uri=str(data),
            dataset_mime_type=MIME_TYPE_JSONLINES,
            **locations,
            **{f"{number}_location": "row"},
        )
        with _ray(self._folder / "ray", self._job["workers"]):
            (output,) = self._algorithm.evaluate(dataset_config=config, num_records=len(rows), save=True)
        self._means.append({score.name: score.value for score in output.dataset_scores})
        outcomes_by_row = {}
        with Path(output.output_path).open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                outcomes_by_row[int(record[number])] = _outcome(
                    {score["name"]: score.get("value") for score in record["scores"]}
                )
        Path(output.output_path).unlink()
        return outcomes_by_row


class _RecordScorer:
    """Scores each record on its own with `evaluate_sample()`, in this process."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._algorithm: Any = None
        self._helper: Any = None

    def score(self, rows: Sequence[Row]) -> Iterable[Mapping[str, Any]]:
        """Return an outcome for each row, in their order."""
        return map(self.score_one, rows)

    def score_one(self, row: Row) -> Mapping[str, Any]:
        """Return the outcome of one row."""
        arguments = {argument: row[column] for argument, column in self._job["sample"].items()}
        if "answers" in row:
            arguments["model"] = _recorded(row["answers"])
            self._algorithm = None  # a new one starts with the same random numbers
        if self._algorithm is None:
            self._algorithm = _algorithm(self._job, self._helper)
            self._helper = getattr(self._algorithm, "bertscore_model", None)  # its encoder is loaded once
        try:
            scores = self._algorithm.evaluate_sample(**arguments)
        except Exception as exc:  # noqa: BLE001 - every error is reported to the parent
            return {"error": f"FMEval cannot score it: {_reason(exc)}"}
        return _outcome({score.name: score.value for score in scores})

    def metadata(self) -> dict[str, Any]:
        """Return no further details."""
        return {}


class _ray:  # noqa: N801 - a context manager
    """Ray on this machine alone, with its files in a folder of ours."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder = folder
        self._workers = workers

    def __enter__(self) -> None:
        import ray

        ray.init(
            address="local",
            num_cpus=self._workers + 1,  # one for the encoder, which FMEval gives a process of its own
            include_dashboard=False,
            log_to_driver=False,
            _temp_dir=str(self._folder),
            _node_ip_address="127.0.0.1",
        )

    def __exit__(self, *_error: object) -> None:
        import ray

        ray.shutdown()


# -- algorithms --------------------------------------------------------------------------------------------------------


def _algorithm(job: Job, helper: Any = None) -> Any:
    """Return FMEval's algorithm as the job configures it.

    Args:
        job: The job.
        helper: FMEval's helper for BERTScore; None makes one.
    """
    module = import_module(f"fmeval.eval_algorithms.{job['module']}")
    algorithm_class = getattr(module, job["name"])
    config = getattr(module, f"{job['name']}Config", None)
    algorithm = algorithm_class(config(**job["config"])) if config else algorithm_class()
    if helper is None and job["encoder"]:
        helper = _encoder(**job["encoder"])
    if helper is not None:
        algorithm.bertscore_model = helper
        for transform in ("bert_score", "bert_scores"):
            if hasattr(algorithm, transform):
                getattr(algorithm, transform).bertscore_model = helper
    return algorithm


def _encoder(model: str, layers: int) -> Any:
    """Return FMEval's helper for BERTScore with another encoder; its own accepts two names only."""
    from fmeval.eval_algorithms.helper_models.helper_model import BertscoreHelperModel

    class OtherEncoder(BertscoreHelperModel):  # type: ignore[misc]
        def __init__(self, model: str, layers: int) -> None:
            super().__init__(model)
            self._layers = layers

        def __reduce__(self) -> tuple[Any, ...]:
            return type(self), (self._model_type, self._layers)

        def get_helper_scores(self, target_output: str, model_output: str) -> float:
            scores = self._bertscore.compute(
                predictions=[model_output],
                references=[target_output],
                model_type=self._model_type,
                num_layers=self._layers,
            )
            return float(scores["f1"][0])

    return OtherEncoder(model, layers)


def _recorded(answers: Sequence[Sequence[str]]) -> Any:
    """Return a model runner that returns recorded answers, each only to its own question.

    Args:
        answers: Questions and answers, in the order in which FMEval asks.
    """
    from fmeval.model_runners.model_runner import ModelRunner

    class Recorded(ModelRunner):  # type: ignore[misc]
        def __init__(self) -> None:
            self._answers = iter(answers)

        def predict(self, prompt: str) -> tuple[str, None]:
            question, answer = next(self._answers, ("", ""))
            if prompt != question:
                message = f"it asks {prompt[:60]!r}, but the model was asked {question[:60]!r}"
                raise ValueError(message)
            return answer, None

    return Recorded()


# -- outcomes and versions ------------------------------------------------------------------------------------------------------


def _outcome(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Return scores as numbers, or the error where one is not finite."""
    for name, value in scores.items():
        if value is None or not math.isfinite(value):
            return {"error": f"FMEval's {name} is {value}"}
    return {"scores": {name: float(value) for name, value in scores.items()}}


def _reason(error: BaseException) -> str:
    """Return the cause of an error in one line; Ray wraps an error several times."""
    cause = error
    while (inner := getattr(cause, "cause", None) or cause.__cause__) is not None:
        cause = inner
    text = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {text[-1][:300]}" if text else type(cause).__name__


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main()
