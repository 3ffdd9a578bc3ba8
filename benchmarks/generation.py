"""Tokens per second: the endpoint with 16 clients, against one request after another, and against transformers in process.

    python generation.py MODEL ROWS THREADS

Greedy, 64 new tokens, the same prompts. "One after another" is the loop of a notebook: each request is sent when the previous
one is answered. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from llmops_plugins.local.options import LocalEndpointOptions
from llmops_plugins.local.server.deployer import LocalEndpoint
from llmops_sdk import GenerationOptions
from llmops_sdk.plugin import BaseModel, TextPrompt
from llmops_sdk.steps.client.client import Question, ask
from llmops_sdk.steps.client.http.transport import HttpTransport
from llmops_sdk.testing import make_context
from llmops_sdk.values.answers import Answered

CLIENTS = 16
NEW_TOKENS = 64


def main() -> None:
    model, rows, threads = sys.argv[1:]
    prompts = [json.loads(line)["prompt"] for line in Path(rows).read_text(encoding="utf-8").splitlines()]
    speeds: dict[str, Any] = {"transformers": _timed(lambda: _transformers(model, prompts, int(threads)))}
    with tempfile.TemporaryDirectory() as folder:
        context = make_context(Path(folder) / "step")
        deployer = LocalEndpoint(LocalEndpointOptions())
        base = BaseModel("huggingface", model)
        resources = deployer.resources(context, base)
        try:
            endpoint = deployer.deploy(context, base)
            transport = HttpTransport(endpoint)
            _asked(transport, prompts[:2], 2)  # warms up
            for clients in (1, CLIENTS):
                speeds[f"clients_{clients}"] = _timed(partial(_asked, transport, prompts, clients))
            transport.close()
            speeds["metadata"] = dict(endpoint.metadata)
        finally:
            for resource in resources:
                deployer.delete(context, resource)
    print(json.dumps(speeds))


def _timed(work: Callable[[], int]) -> dict[str, float]:
    start = time.perf_counter()
    tokens = work()
    seconds = time.perf_counter() - start
    return {"tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds}


def _asked(transport: HttpTransport, prompts: list[str], clients: int) -> int:
    asked = (Question(number, TextPrompt(text, "")) for number, text in enumerate(prompts))
    outcomes = list(ask(transport, asked, GenerationOptions(max_new_tokens=NEW_TOKENS), concurrency=clients))
    if not all(isinstance(outcome, Answered) for outcome in outcomes):
        raise SystemExit(f"not all were answered: {outcomes}")
    return sum(outcome.answer.output_tokens or 0 for outcome in outcomes if isinstance(outcome, Answered))


def _transformers(model: str, prompts: list[str], threads: int) -> int:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(model)
    loaded: Any = AutoModelForCausalLM.from_pretrained(model, torch_dtype=torch.float32)
    tokens = 0
    with torch.inference_mode():
        for prompt in prompts:
            ids = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
            answer = loaded.generate(
                **ids, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=tokenizer.eos_token_id
            )
            tokens += answer.shape[1] - ids["input_ids"].shape[1]
    return tokens


if __name__ == "__main__":
    main()
