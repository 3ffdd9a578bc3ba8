"""MLflow's `compare_evaluations` on a table of scores: each candidate against the best one.

    python baseline_verdicts.py SCORES.json

The file has the best candidate's name and the scores of each; a line of JSON on standard output has MLflow's p value of each
other candidate, its interval and its test.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any


def main() -> None:
    """Evaluate every candidate in an MLflow run of its own, and compare them."""
    import mlflow
    from mlflow.entities import Feedback
    from mlflow.genai.scorers import scorer

    data = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))

    def score(outputs: str) -> Feedback:
        return Feedback(name="score", value=float(outputs))

    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("verdicts")
        runs = {
            name: mlflow.genai.evaluate(
                data=[{"inputs": {"record": place}, "outputs": str(value)} for place, value in enumerate(values)],
                scorers=[scorer(score)],
            ).run_id
            for name, values in data["scores"].items()
        }
        records = len(data["scores"][data["best"]])
        results = {
            name: _result(mlflow.genai.compare_evaluations(run, runs[data["best"]]), records)
            for name, run in runs.items()
            if name != data["best"]
        }
    print(json.dumps({"version": mlflow.__version__, "results": results}))


def _result(comparison: Any, records: int) -> dict[str, Any]:
    (result,) = comparison.scorers.values()
    if result.n_paired != records:  # a trace that was not stored in time
        raise SystemExit(f"MLflow paired {result.n_paired} of {records} records")
    return {"p": result.p_value, "low": result.ci_low, "high": result.ci_high, "method": result.method}


if __name__ == "__main__":
    main()
