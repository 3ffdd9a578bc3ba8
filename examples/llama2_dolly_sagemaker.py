"""The article's pipeline: Llama 2 7B, fine-tuned on Dolly's summaries by SageMaker JumpStart, deployed and evaluated.

    python llama2_dolly_sagemaker.py [EXECUTOR]

It runs as a SageMaker pipeline of `@step` functions; with `local` from this machine, with `sagemaker-rehearsal` without AWS.
It needs AWS credentials, a region, and SAGEMAKER_ROLE, the ARN of an execution role. For a Python other than 3.10 it also
needs SAGEMAKER_IMAGE, an image with that Python for the steps. The endpoint is deleted at the end.
"""

from __future__ import annotations

import os
import sys

from llmops_sdk import Pipeline

result = (
    Pipeline.builder("llm-train-eval")
    .with_dataset("dolly", category="summarization", test_fraction=0.1, seed=42, max_test_records=20)
    .with_prompt("alpaca")
    .with_model(
        "llama-2-7b",  # JumpStart's meta-textgeneration-llama-2-7b, version 2.*
        accept_eula=True,  # only if you have read Meta's licence
        tolerate_vulnerable_model=True,  # JumpStart requires it for versions 2.*; 4.* is newer
        trainer={"hyperparameters": {"instruction_tuned": "True", "epoch": "1", "max_input_length": "1024"}},
    )
    .with_evaluator("summarization-accuracy")
    .with_settings("sagemaker", role=os.environ["SAGEMAKER_ROLE"], image_uri=os.environ.get("SAGEMAKER_IMAGE", ""))
    .with_executor("sagemaker", keep_alive_seconds=300)
    .run(on=sys.argv[1] if len(sys.argv) > 1 else "sagemaker")
)
print(result.decision().text)
print("report:", result.report("llama2-dolly.html"))
