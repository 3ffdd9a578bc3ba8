"""What type checkers must accept and refuse; mypy reports an `ignore` that is not needed, so each must be an error."""

from __future__ import annotations

from llmops_plugins.datasets.options import CsvOptions, DollyOptions
from llmops_plugins.local.options import LoraOptions, SmolLM2Options
from llmops_sdk import CellResult, Pipeline, Plan, Result, Verdict, load


def accepted() -> None:
    """Options by name, as an object, or both; what public methods return has public types."""
    pipeline = (
        Pipeline.builder("typed")
        .with_dataset("dolly", category="summarization", max_test_records=20)
        .with_dataset("csv", CsvOptions(path="rows.csv", columns={"context": "text"}), name="mine")
        .with_model("smollm2", SmolLM2Options(), trainer=LoraOptions(max_steps=3))
        .with_model("smollm2", name="base", fine_tune=False)
        .with_trainer("lora", LoraOptions(rank=8), epochs=2.0)
        .with_generation(max_new_tokens=3, stop=["\n"], temperature=0)
        .with_settings("sagemaker", region="us-east-1")
    )
    plan: Plan = pipeline.build()
    result: Result = pipeline.run(on="local")
    verdict: Verdict = load("latest").decision()
    cells: tuple[CellResult, ...] = result.leaderboards[0].cells
    print(plan, verdict, cells)  # noqa: T201 - the names are used


def refused() -> None:
    """Misspelled names, wrong types and options of another kind."""
    pipeline = Pipeline.builder()
    pipeline.with_generation(max_new_token=3)  # type: ignore[call-arg]
    pipeline.with_generation(temperature="hot")  # type: ignore[arg-type]
    pipeline.with_dataset("dolly", DollyOptions(max_test_recrods=3))  # type: ignore[call-arg]
    pipeline.with_dataset("dolly", DollyOptions(max_test_records="3"))  # type: ignore[arg-type]
    pipeline.with_model("smollm2", trainer=LoraOptions(max_stepz=3))  # type: ignore[call-arg]
    pipeline.with_model("smollm2", LoraOptions())  # type: ignore[arg-type]
    pipeline.with_trainer("lora", SmolLM2Options())  # type: ignore[arg-type]
    pipeline.with_datasets("dolly")  # type: ignore[attr-defined]
    load("latest").decison()  # type: ignore[attr-defined]
