"""Programs that specify, check and run pipelines: options by name, as an object, or both."""

from __future__ import annotations

from pathlib import Path

import llmops_sdk
from llmops_plugins.datasets.options import CsvOptions
from llmops_plugins.local.options import LoraOptions, SmolLM2Options
from llmops_sdk import LLMOpsError, Pipeline, Plan, Progress, Result, RunInterrupted, UserError, resume


def specify() -> Pipeline:
    """Return a pipeline with all that a specification has."""
    return (
        Pipeline.builder("typed")
        .with_dataset("dolly", category="summarization", max_test_records=20)
        .with_dataset("csv", CsvOptions(path="rows.csv", columns={"context": "text"}), name="mine")
        .with_prompt("alpaca")
        .with_model("smollm2", SmolLM2Options(), trainer=LoraOptions(max_steps=3), seeds=[1, 2])
        .with_model("smollm2", name="base", fine_tune=False, varies={"temperature": None})
        .with_model("openai/gpt-4o-mini")
        .with_trainer("lora", LoraOptions(rank=8), epochs=2.0)
        .with_generation(max_new_tokens=3, stop=["\n"], temperature=0)
        .with_evaluator("summarization-accuracy")
        .with_decision("rougeL", baseline="base", margin=0.02)
        .with_gate(candidate="tuned", rougeL={"at_least": 0.3})
        .with_early_stopping(looks=3)
        .with_settings("sagemaker", region="us-east-1")
        .with_executor("local")
    )


def run(file: Path) -> Result:
    """Run a file's pipeline, and resume it if it is stopped."""
    pipeline = Pipeline.from_yaml(file, overrides=("generation.seed=1",))
    plan: Plan = pipeline.build(offline=True)
    print(plan.models, llmops_sdk.__version__)
    try:
        return pipeline.run(on="local", progress=Progress())
    except RunInterrupted as exc:
        return resume(exc.run_id, store=exc.store)
    except UserError as exc:
        raise SystemExit(str(exc)) from exc
    except LLMOpsError:
        raise
