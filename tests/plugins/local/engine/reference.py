"""What transformers computes for the same prompts, and short ways to ask the engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.active_request import ActiveRequest
from llmops_plugins.local.engine.engine import Engine
from llmops_plugins.local.engine.request import Completion, GenerationOutcome, GenerationRequest

CPU = Device("cpu", "", "float32")
TEXTS = (
    "Summarize the text.",
    "A town on a river has three bridges. The oldest one was built of stone, the others of steel and of wood.",
    "Which bridge is the oldest?",
    "Write a short note about rain, wind and the sea in November, and keep it under fifty words, please. " * 3,
    "x",
    "The price was 1,250 euros in 1998, and 2,300 euros ten years later.",
)


def texts(outcomes: Sequence[GenerationOutcome | None]) -> list[str]:
    """The texts of outcomes that are all completions."""
    assert all(isinstance(outcome, Completion) for outcome in outcomes), outcomes
    return [outcome.text for outcome in outcomes if isinstance(outcome, Completion)]


def submit(engine: Engine, request: GenerationRequest) -> ActiveRequest:
    """Submit a request that the engine accepts."""
    active = engine.submit(request)
    assert isinstance(active, ActiveRequest), active
    return active


def completion(outcomes: list[GenerationOutcome]) -> Completion:
    """The only outcome, which is a completion."""
    (only,) = outcomes
    assert isinstance(only, Completion), only
    return only


def scored(outcomes: Sequence[GenerationOutcome]) -> list[list[Any]]:
    """For each completion the log-probabilities of its prompt's tokens."""
    assert all(isinstance(outcome, Completion) for outcome in outcomes), outcomes
    return [
        [token.log_probability for token in outcome.prompt] for outcome in outcomes if isinstance(outcome, Completion)
    ]


def scoring(*prompts: str) -> list[GenerationRequest]:
    """Requests that score their prompts."""
    return [GenerationRequest(prompt, max_new_tokens=1, scores_prompt=True) for prompt in prompts]


def reference(folder: Path, prompt: str | list[int], tokens: int) -> str:
    """What `generate` of transformers writes for one prompt alone."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = torch.tensor([tokenizer(prompt)["input_ids"] if isinstance(prompt, str) else prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False)
    text: str = tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text


def token_log_probabilities(folder: Path, prompt: str, dtype: Any = torch.float32) -> list[float]:
    """The log-probabilities of a prompt's tokens after the first, from transformers' logits."""
    ids = AutoTokenizer.from_pretrained(folder)(prompt, return_tensors="pt")["input_ids"]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    with torch.inference_mode():
        logits = model(input_ids=ids).logits[0, :-1].float()
    scores: list[float] = logits.log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0].tolist()
    return scores
