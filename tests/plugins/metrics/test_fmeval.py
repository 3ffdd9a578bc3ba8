"""FMEval itself, asked without a network: its own classes give the same numbers."""

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
ASK = Path(__file__).with_name("ask_fmeval.py")

# FMEval loads two scripts of the hub's `evaluate-metric` when it is imported. They are not on PyPI; these two stand in
# for them and call the packages the scripts call.
_ROUGE = """
import datasets, evaluate
from rouge_score import rouge_scorer, scoring

class Rouge(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        return evaluate.MetricInfo(description="", citation="", features=datasets.Features(predictions=text, references=text))

    def _compute(self, predictions, references, rouge_types=None, use_stemmer=False):
        scorer = rouge_scorer.RougeScorer(rouge_types, use_stemmer=use_stemmer)
        together = scoring.BootstrapAggregator()
        for reference, prediction in zip(list(references), list(predictions)):
            together.add_scores(scorer.score(reference, prediction))
        return {name: score.mid.fmeasure for name, score in together.aggregate().items()}
"""
_BERTSCORE = """
import datasets, evaluate

class BERTScore(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        return evaluate.MetricInfo(description="", citation="", features=datasets.Features(predictions=text, references=text))
"""


@pytest.mark.slow  # most of it is the time FMEval takes to be imported
def test_fmevals_own_classes_give_the_same_numbers(
    context: Context,
    pairs: Texts,
    generations: Make,
    asset: Callable[[str], Path],
    needs: Callable[..., None],
    tmp_path: Path,
) -> None:
    """METEOR, ROUGE and QA to the last bit, BERTScore within 1e-5, over prose and over outputs that are hard to score."""
    needs("fmeval", "bert_score")
    texts = [*pairs[:10], ("", "A reference."), ("😀 مرحبا", "emoji"), ("Yes. That is true.", "yes<OR>no")]
    expected = _ask_fmeval(texts, asset, tmp_path)

    summaries = SummarizationAccuracy(SummarizationAccuracyOptions()).evaluate(context, generations(texts))
    answers = QAAccuracy(QAAccuracyOptions()).evaluate(context, generations(texts))
    for theirs, summary, answer in zip(expected, summaries, answers, strict=True):
        assert isinstance(summary, Scored)
        assert isinstance(answer, Scored)
        ours = {**summary.scores, **answer.scores}
        assert theirs.keys() == ours.keys()
        assert theirs.pop("bertscore") == pytest.approx(ours.pop("bertscore"), abs=1e-5)
        assert theirs == pytest.approx(ours, abs=1e-15)


def test_what_is_not_installed_is_skipped_or_fails(needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """By LLMOPS_REQUIRE_TEST_DATA, so that CI cannot pass by skipping."""
    monkeypatch.setenv("LLMOPS_REQUIRE_TEST_DATA", "1")
    with pytest.raises(AssertionError, match="no_such_package is not installed"):
        needs("pytest", "no_such_package")
    monkeypatch.delenv("LLMOPS_REQUIRE_TEST_DATA")
    with pytest.raises(pytest.skip.Exception, match="no_such_package is not installed"):
        needs("no_such_package")


def _ask_fmeval(texts: Texts, asset: Callable[[str], Path], folder: Path) -> list[dict[str, float]]:
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
        [sys.executable, str(ASK), str(asset("minilm"))],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,  # `evaluate` runs a script of that name in the current folder, if there is one
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    scores: list[dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return scores
