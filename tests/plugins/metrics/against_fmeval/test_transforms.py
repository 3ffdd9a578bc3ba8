"""The metrics of summaries and answers have the values of FMEval's own transforms, run without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.tasks.options import QAAccuracyOptions, SummarizationAccuracyOptions
from llmops_plugins.metrics.tasks.qa import QAAccuracy
from llmops_plugins.metrics.tasks.summarization import SummarizationAccuracy
from llmops_sdk.plugin import Context, Generation, Scored

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]
SCRIPT = Path(__file__).with_name("fmeval_transforms.py")

# At import, FMEval loads two scripts of the hub's `evaluate-metric`, which are not on PyPI. These two replace them and
# call the same packages.
_ROUGE = """
import datasets, evaluate
from rouge_score import rouge_scorer, scoring

class Rouge(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        return evaluate.MetricInfo(description="", citation="", features=datasets.Features(predictions=text, references=text))

    def _compute(self, predictions, references, rouge_types=None, use_stemmer=False):
        scorer = rouge_scorer.RougeScorer(rouge_types, use_stemmer=use_stemmer)
        aggregator = scoring.BootstrapAggregator()
        for reference, prediction in zip(list(references), list(predictions)):
            aggregator.add_scores(scorer.score(reference, prediction))
        return {name: score.mid.fmeasure for name, score in aggregator.aggregate().items()}
"""
_BERTSCORE = """
import datasets, evaluate

class BERTScore(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        return evaluate.MetricInfo(description="", citation="", features=datasets.Features(predictions=text, references=text))
"""


@pytest.mark.rare  # FMEval takes long to import
def test_fmevals_transforms_give_the_same_values(
    context: Context,
    pairs: Texts,
    generations: Make,
    asset: Callable[[str], Path],
    needs: Callable[..., None],
    tmp_path: Path,
) -> None:
    """METEOR, ROUGE and QA to the last bit, BERTScore within 1e-5, for prose and for outputs that are hard to score."""
    needs("fmeval", "bert_score")
    texts = [*pairs[:10], ("", "A reference."), ("😀 مرحبا", "emoji"), ("Yes. That is true.", "yes<OR>no")]
    expected = _run_fmeval(texts, asset, tmp_path)

    summaries = SummarizationAccuracy(SummarizationAccuracyOptions()).evaluate(context, generations(texts))
    answers = QAAccuracy(QAAccuracyOptions()).evaluate(context, generations(texts))
    for theirs, summary, answer in zip(expected, summaries, answers, strict=True):
        assert isinstance(summary, Scored)
        assert isinstance(answer, Scored)
        ours = {**summary.scores, **answer.scores}
        assert theirs.keys() == ours.keys()
        assert theirs.pop("bertscore") == pytest.approx(ours.pop("bertscore"), abs=1e-5)
        assert theirs == pytest.approx(ours, abs=1e-15)


def _run_fmeval(texts: Texts, asset: Callable[[str], Path], folder: Path) -> list[dict[str, float]]:
    """Return FMEval's scores, computed in a process of its own: its environment must be set before it is imported."""
    for name, script in (("rouge", _ROUGE), ("bertscore", _BERTSCORE)):
        module = folder / "modules" / "evaluate_modules" / "metrics" / f"evaluate-metric--{name}" / ("0" * 64)
        module.mkdir(parents=True)
        (module / f"{name}.py").write_text(script)
        for parent in [module, *module.parents]:
            if parent == folder:
                break
            (parent / "__init__.py").touch()
    environment = {
        **os.environ,
        "HF_MODULES_CACHE": str(folder / "modules"),
        "HF_HOME": str(folder / "home"),
        "HF_EVALUATE_OFFLINE": "1",
        "HF_HUB_OFFLINE": "1",
        "NLTK_DATA": os.pathsep.join([str(asset("wordnet")), str(asset("punkt-tab"))]),
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(asset("minilm"))],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,  # `evaluate` would run a script with a metric's name in the current folder
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    scores: list[dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return scores
