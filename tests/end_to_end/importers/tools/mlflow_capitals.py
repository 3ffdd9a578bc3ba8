"""Evaluate a model with MLflow in both ways that it has, and leave their tables; usage: mlflow_capitals.py URL MODEL FOLDER."""

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.genai import scorer

url, model, folder = sys.argv[1:]
questions = [json.loads(line) for line in Path("questions.jsonl").read_text().splitlines()]


def ask(question: str) -> str:
    """Ask the model."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": question}]}).encode()
    request = urllib.request.Request(f"{url}/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return str(json.load(reply)["choices"][0]["message"]["content"])


@scorer
def exact_match(outputs: str, expectations: dict[str, str]) -> bool:
    """Compare the answer."""
    return outputs == expectations["expected_response"]


def match(predictions: pd.Series, targets: pd.Series) -> Any:
    """Compare the answers."""
    scores = [float(prediction == target) for prediction, target in zip(predictions, targets, strict=True)]
    return mlflow.metrics.MetricValue(scores=scores, aggregate_results={"mean": sum(scores) / len(scores)})


# MLflow asks up to 40 rows at a time, but has 15 connections to its database: rows whose trace is not stored in time are left out.
os.environ |= {"MLFLOW_GENAI_EVAL_MAX_WORKERS": "1", "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false"}
target = Path(folder)
target.mkdir(parents=True)
mlflow.set_tracking_uri(f"sqlite:///{target}/mlflow.db")
mlflow.set_experiment(experiment_id=mlflow.create_experiment("capitals", f"file://{target.resolve()}/artifacts"))
table = pd.DataFrame(
    [{"question": row["question"], "target": row["answer"], "outputs": ask(row["question"])} for row in questions]
)
metric = mlflow.metrics.make_metric(eval_fn=match, greater_is_better=True, name="exact_match")
with mlflow.start_run(run_name=model):
    mlflow.models.evaluate(data=table, targets="target", predictions="outputs", extra_metrics=[metric])
data = [
    {"inputs": {"question": row["question"]}, "expectations": {"expected_response": row["answer"]}} for row in questions
]
with mlflow.start_run(run_name=f"{model} genai"):
    result = mlflow.genai.evaluate(data=data, predict_fn=ask, scorers=[exact_match])
result.result_df.to_json(target / f"{model}.json", orient="records", default_handler=str)
result.result_df.to_csv(target / f"{model}.csv", index=False)
result.result_df.astype(str).to_parquet(target / f"{model}.parquet", index=False)
