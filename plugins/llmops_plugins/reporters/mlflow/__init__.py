"""The reporter `mlflow`: a run and its candidates as runs of an MLflow server."""
