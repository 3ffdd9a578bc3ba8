"""FMEval's own `SummarizationAccuracy.evaluate`, without a network, with MiniLM instead of its encoder.

    python baseline_scoring.py MINILM WORDNET PUNKT FOLDER ROWS [ROWS ...]

The first three are the assets' folders, and FOLDER is for the results. Each ROWS is a JSONL file with `instruction`, `summary` and
`model_output`, one for each candidate; FMEval accepts several datasets in one call. Prints one line of JSON: for each candidate the
path of FMEval's records with their scores.

FMEval loads two scripts of the hub's `evaluate-metric`, which are in no package. The ones written here replace them; they
call what the scripts call in the way they call it (ROUGE through 1,000 bootstrap samples, one kept `BERTScorer`).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROUGE = """
import datasets, evaluate
from rouge_score import rouge_scorer, scoring

class Rouge(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        return evaluate.MetricInfo(description="", citation="", features=datasets.Features(predictions=text, references=text))

    def _compute(self, predictions, references, rouge_types=None, use_aggregator=True, use_stemmer=False):
        scorer = rouge_scorer.RougeScorer(rouge_types, use_stemmer=use_stemmer)
        together = scoring.BootstrapAggregator()
        for reference, prediction in zip(list(references), list(predictions)):
            together.add_scores(scorer.score(reference, prediction))
        return {name: score.mid.fmeasure for name, score in together.aggregate().items()}
"""
BERTSCORE = """
import datasets, evaluate, os
from bert_score import BERTScorer

class BERTScore(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        return evaluate.MetricInfo(description="", citation="", features=datasets.Features(predictions=text, references=text))

    def _compute(self, predictions, references, model_type=None, **options):
        if not hasattr(self, "kept"):
            self.kept = BERTScorer(model_type=os.environ["BENCH_ENCODER"], num_layers=6, batch_size=64)
        _, _, f1 = self.kept.score(cands=list(predictions), refs=[[text] for text in references], batch_size=64)
        return {"f1": f1.tolist()}
"""


def main() -> None:
    minilm, wordnet, punkt, folder, *candidates = (Path(argument).resolve() for argument in sys.argv[1:])
    environment = {
        "BENCH_ENCODER": str(minilm),
        "HF_MODULES_CACHE": str(folder / "modules"),
        "HF_HOME": str(folder / "home"),
        "HF_EVALUATE_OFFLINE": "1",
        "HF_HUB_OFFLINE": "1",
        "NLTK_DATA": os.pathsep.join([str(wordnet), str(punkt)]),
        "EVAL_RESULTS_PATH": str(folder / "results"),
        "AWS_DEFAULT_REGION": "us-east-1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": str(folder / "ray"),
    }
    os.environ.update(environment)  # before FMEval is imported; its workers inherit it
    for name, script in (("rouge", ROUGE), ("bertscore", BERTSCORE)):
        module = folder / "modules" / "evaluate_modules" / "metrics" / f"evaluate-metric--{name}" / ("0" * 64)
        module.mkdir(parents=True)
        (module / f"{name}.py").write_text(script, encoding="utf-8")
        for parent in [module, *module.parents][:5]:
            (parent / "__init__.py").touch()
    (folder / "results").mkdir()
    os.chdir(folder)  # `evaluate` runs a script of its metrics' names in the current folder, if there is one
    print(json.dumps({"records": [str(path) for path in _evaluate(candidates)]}))


def _evaluate(candidates: list[Path]) -> list[Path]:
    import nltk

    nltk.download = lambda *_args, **_options: True  # FMEval asks for downloads; NLTK_DATA has what it needs
    from fmeval.data_loaders.data_config import DataConfig
    from fmeval.eval_algorithms.summarization_accuracy import SummarizationAccuracy

    names = [f"candidate{number}" for number in range(len(candidates))]
    configs = [
        DataConfig(
            name,
            str(rows),
            "application/jsonlines",
            model_input_location="instruction",
            target_output_location="summary",
            model_output_location="model_output",
        )
        for name, rows in zip(names, candidates, strict=True)
    ]
    count = len(candidates[0].read_text(encoding="utf-8").splitlines())
    SummarizationAccuracy().evaluate(dataset_config=configs, num_records=count, save=True)
    return [Path(os.environ["EVAL_RESULTS_PATH"]) / f"summarization_accuracy_{name}.jsonl" for name in names]


if __name__ == "__main__":
    main()
