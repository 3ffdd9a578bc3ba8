"""Published numbers are reproduced: of ROUGE-1.5.5, NLTK's doctests, FMEval's and bert_score's own tests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.tasks.options import QAAccuracyOptions, SummarizationAccuracyOptions
from llmops_plugins.metrics.tasks.qa import QAAccuracy
from llmops_plugins.metrics.tasks.summarization import SummarizationAccuracy
from llmops_sdk import AssetError
from llmops_sdk.plugin import Context, Evaluator, Generation, Scored

Make = Callable[[Sequence[tuple[str, str]]], list[Generation]]
FILE = "metric_truth/metric_truth.jsonl"
_FMEVAL_NAMES = {"f1": "f1_score", "exact_match": "exact_match_score", "quasi_exact_match": "quasi_exact_match_score"}


def _rows() -> list[Any]:
    file = Path(os.environ.get("LLMOPS_TEST_DATA", ""), FILE)
    if not file.is_file():
        return [pytest.param({}, id="no-data")]
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [pytest.param(row, id=f"{place}-{row['metric']}") for place, row in enumerate(rows)]


@pytest.fixture(autouse=True)
def _file(real_data: Callable[[str], Path]) -> None:
    """Skip where the file is missing, or fail where the test data is required."""
    real_data(FILE)


def test_there_are_forty_rows_that_need_no_weights() -> None:
    """A file with fewer rows would prove less."""
    rows = [param.values[0] for param in _rows()]

    assert len([row for row in rows if row["metric"] != "bertscore"]) == 40


@pytest.mark.parametrize("row", _rows())
def test_a_published_number_is_reproduced(row: dict[str, Any], context: Context, generations: Make) -> None:
    """Within the row's own tolerance."""
    evaluator, expected = _evaluator(row, context)
    (score,) = evaluator.evaluate(context, generations([(row["hypothesis"], row["reference"])]))

    assert isinstance(score, Scored), score
    assert expected == pytest.approx(dict(score.scores), abs=row["tolerance"], rel=0)


def _evaluator(row: dict[str, Any], context: Context) -> tuple[Evaluator, dict[str, float]]:
    """Return the evaluator for a row and the scores that it must give."""
    metric = row["metric"]
    if metric == "qa_accuracy":
        qa_options = QAAccuracyOptions()
        return QAAccuracy(qa_options), {name: row[_FMEVAL_NAMES.get(name, name)] for name in qa_options.metrics}
    options: dict[str, Any] = {"metrics": (metric,)}
    if metric.startswith("rouge"):
        options["use_stemmer"] = row["variant"] == "use_stemmer=True"
    if metric == "bertscore":
        _skip_without_weights(row, context)
        options["bertscore_model"] = "roberta-large"
    return SummarizationAccuracy(SummarizationAccuracyOptions(**options)), {
        metric: row["score"] if metric == "meteor" else row["fmeasure"]
    }


def _skip_without_weights(row: dict[str, Any], context: Context) -> None:
    from llmops_plugins.metrics.bertscore.weights import find_weights

    if "rescaled" in row["variant"]:
        pytest.skip(
            "the row needs the weights roberta-large, rescaled by bert_score's baseline; FMEval does not rescale"
        )
    try:
        find_weights(context, "roberta-large")
    except AssetError as error:
        pytest.skip(f"the row needs the weights roberta-large: {error}")
