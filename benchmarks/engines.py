"""Engines side by side: tokens per second and per CPU-second, memory, and answers equal to those in float32.

    python engines.py MODEL ROWS ENGINE        # ENGINE: openvino, torch, genai:FILE.gguf, PATH/llama-server:FILE.gguf

Each engine is a process of its own on the same prompts as tokens, greedy, 64 new tokens, at most 16 requests at a time. Prints one line
of JSON with the tokens of each answer. `genai` needs the package openvino-genai.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

NEW_TOKENS = 64
AT_A_TIME = 16
Answers = list[list[int]]


def main() -> None:
    model, rows, engine = sys.argv[1:]
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    texts = [json.loads(line)["prompt"] for line in Path(rows).read_text(encoding="utf-8").splitlines()]
    prompts: list[list[int]] = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, tokenize=True, return_dict=False
        )
        for text in texts
    ]
    kind, _, file = engine.partition(":")
    if kind == "genai":
        result = _genai(file, prompts, tokenizer.eos_token_id)
    elif file:
        result = _llama_cpp(kind, file, prompts)
    else:
        result = _own(kind, Path(model), prompts)
    print(json.dumps(result))


def _own(engine: str, model: Path, prompts: Answers) -> dict[str, Any]:
    import torch

    from llmops_plugins.local.device import pick_device
    from llmops_plugins.local.engine.engine import Engine
    from llmops_plugins.local.engine.request import GenerationRequest, TokenPrompt

    start = time.perf_counter()
    loaded = Engine(model, pick_device("cpu", "float32", engine), max_batch=AT_A_TIME)
    if loaded.name != engine:
        sys.exit(f"{engine} does not take the model: {loaded.fallback}")
    if engine == "openvino":
        torch.set_num_threads(1)

    def answer() -> Answers:
        active = [
            loaded.submit(GenerationRequest(TokenPrompt(tuple(prompt)), max_new_tokens=NEW_TOKENS))
            for prompt in prompts
        ]
        while not loaded.idle:
            loaded.advance()
        return [one.tokens for one in active]  # type: ignore[union-attr] # none is rejected

    return _measured(answer, time.perf_counter() - start, time.process_time, _own_memory)


def _genai(file: str, prompts: Answers, end: int) -> dict[str, Any]:
    import numpy as np
    import openvino
    import openvino_genai

    start = time.perf_counter()
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size, scheduler.max_num_seqs, scheduler.max_num_batched_tokens = 2, AT_A_TIME, 512
    formats = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
    pipeline = openvino_genai.ContinuousBatchingPipeline(file, scheduler, "CPU", formats)
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens, config.do_sample, config.eos_token_id, config.stop_token_ids = NEW_TOKENS, False, end, {end}
    inputs = [openvino.Tensor(np.array([prompt], np.int64)) for prompt in prompts]

    def answer() -> Answers:
        outcomes = pipeline.generate(inputs, [config] * len(inputs))
        return [list(outcome.m_generation_ids[0]) for outcome in outcomes]

    return _measured(answer, time.perf_counter() - start, time.process_time, _own_memory)


def _llama_cpp(program: str, file: str, prompts: Answers) -> dict[str, Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start, threads = time.perf_counter(), str(len(os.sched_getaffinity(0)))
    command = [
        program,
        "-m",
        file,
        "--port",
        str(port),
        "-np",
        str(AT_A_TIME),
        "-c",
        str(AT_A_TIME * 1024),
        "-t",
        threads,
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=3600) as client:
            while not _is_ready(client):
                time.sleep(0.1)

            def ask(prompt: list[int]) -> list[int]:
                body = {"prompt": prompt, "n_predict": NEW_TOKENS, "temperature": 0, "return_tokens": True}
                tokens: list[int] = client.post("/completion", json=body).raise_for_status().json()["tokens"]
                return tokens

            def answer() -> Answers:
                with ThreadPoolExecutor(AT_A_TIME) as pool:
                    return list(pool.map(ask, prompts))

            process = Path(f"/proc/{server.pid}")
            return _measured(
                answer, time.perf_counter() - start, lambda: _cpu_seconds(process), lambda: _peak_memory(process)
            )
    finally:
        server.terminate()
        server.wait()


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False


def _measured(
    answer: Callable[[], Answers], start: float, cpu: Callable[[], float], memory: Callable[[], float]
) -> dict[str, Any]:
    seconds, cpu_seconds = time.perf_counter(), cpu()
    answers = answer()
    seconds, cpu_seconds = time.perf_counter() - seconds, cpu() - cpu_seconds
    return {"start": start, "seconds": seconds, "cpu": cpu_seconds, "memory": memory(), "answers": answers}


def _own_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _cpu_seconds(process: Path) -> float:
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_memory(process: Path) -> float:
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3


if __name__ == "__main__":
    main()
