"""The article's pipeline: fine-tunes and evaluates Llama 2 7B on SageMaker.

Needs: AWS, or the emulator
Try:
    python llama2_dolly_sagemaker.py sagemaker-rehearsal
    python llama2_dolly_sagemaker.py

The steps are a SageMaker pipeline; with `local`, they run on this machine. It needs AWS credentials, a region, and
SAGEMAKER_ROLE, the ARN of an execution role; what is missing is printed in one line. For a Python other than 3.10 it also
needs SAGEMAKER_IMAGE, an image with that Python for the steps. The endpoint is deleted at the end.
"""

from __future__ import annotations

import os
import sys

from llmops_sdk import LLMOpsError, Pipeline

role, image = os.environ.get("SAGEMAKER_ROLE", ""), os.environ.get("SAGEMAKER_IMAGE", "")
pipeline = (
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
    .with_settings("sagemaker", role=role, image_uri=image)
    .with_executor("sagemaker", keep_alive_seconds=300)
)
try:
    result = pipeline.run(on=sys.argv[1] if len(sys.argv) > 1 else "sagemaker")
except LLMOpsError as error:
    sys.exit(f"error: {error}" + ("" if role else " (SAGEMAKER_ROLE is not set)"))
print(result.decision().text, "\nreport:", result.report("llama2-dolly.html"))
