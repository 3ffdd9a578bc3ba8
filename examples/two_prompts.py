"""Asks one base model with two prompts, on a few records: is it the model or the prompt?"""

from __future__ import annotations

from llmops_sdk import Pipeline

result = (
    Pipeline.builder("two-prompts")
    .with_dataset("sample", test_fraction=0.2, seed=42, max_test_records=12)
    .with_prompt("alpaca")
    .with_prompt("chat")
    .with_model("smollm2", fine_tune=False)
    .with_generation(max_new_tokens=48)
    .with_evaluator("summarization-accuracy", metrics=["rougeL", "rouge1"])
    .run()
)
print(result.decision().text)
print("report:", result.report("two-prompts.html"))
