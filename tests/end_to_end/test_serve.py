"""`llmops serve` in a process of its own: the official client of OpenAI and lm-evaluation-harness ask it; it leaves nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import psutil
import pytest
import yaml

from llmops_sdk import LocalStore, Pipeline, Run

from ..environments import lm_eval_python

pytest.importorskip("torch")
openai = pytest.importorskip("openai")

DEPLOYER = {"device": "cpu", "dtype": "float32"}
CHAT: Any = [{"role": "user", "content": "Which bridge is the oldest?"}]


@attrs.frozen
class Served:
    """A server that `llmops serve` started."""

    process: subprocess.Popen[str]
    url: str
    weights: Path


def llmops(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a command in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "llmops_sdk.cli.main", *arguments],
        cwd=folder,
        env={**os.environ, "LLMOPS_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def serving(folder: Path, candidate: str) -> Iterator[Served]:
    """Serve a candidate of the latest run in a folder, and stop it with Ctrl-C unless it has ended."""
    with llmops(folder, "serve", "--candidate", candidate, "--port", "0", "--offline") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        shown = ""
        while "curl" not in shown:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            shown += line
        url, weights = (re.search(rf"{name} +(\S+)\n", shown) for name in ("base URL", "weights"))
        assert url is not None
        assert weights is not None
        try:
            yield Served(process, url[1], Path(weights[1]))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


@pytest.fixture(name="folder", scope="module")
def _folder(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run whose base model needs no training."""
    folder = tmp_path_factory.mktemp("serve")
    plan = (
        Pipeline.builder("tiny")
        .with_dataset("sample")
        .with_prompt("plain")
        .with_model("huggingface", deployer=DEPLOYER, name="base", weights=str(tiny_model), fine_tune=False)
        .with_evaluator("summarization-accuracy")
        .plan(offline=True)
    )
    Run.create(LocalStore(folder / "llmops-runs"), plan)
    return folder


@pytest.fixture(name="served", scope="module")
def _served(folder: Path) -> Iterator[Served]:
    """The base model, served."""
    with serving(folder, "base") as served:
        yield served


@pytest.fixture(name="client", scope="module")
def _client(served: Served) -> Iterator[Any]:
    """The official client; without the proxies of the environment."""
    http_client = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=served.url, api_key="any", max_retries=0, http_client=http_client) as client:
        yield client


def test_the_official_client_lists_the_model(client: Any) -> None:
    """Its name is the candidate's."""
    assert ["base"] == [model.id for model in client.models.list()]
    assert "base" == client.models.retrieve("base").id


def test_the_official_client_chats(client: Any) -> None:
    """Whole and streamed, the answer is the same; the stream ends with the token counts."""
    options: Any = {"model": "base", "messages": CHAT, "max_completion_tokens": 8, "temperature": 0}
    whole = client.chat.completions.create(**options)
    *chunks, last = client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True})
    assert ("assistant", "length") == (whole.choices[0].message.role, whole.choices[0].finish_reason)
    assert whole.choices[0].message.content == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "length" == chunks[-1].choices[0].finish_reason
    assert (8, whole.usage) == (whole.usage.completion_tokens, last.usage)


def test_the_official_client_reads_log_probabilities(client: Any) -> None:
    """Of each token of a chat and of a text, with the likeliest others."""
    chat = client.chat.completions.create(
        model="base", messages=CHAT, max_tokens=4, temperature=0, logprobs=True, top_logprobs=3
    )
    tokens = chat.choices[0].logprobs.content
    assert [4, 3, 3, 3, 3] == [len(tokens), *(len(token.top_logprobs) for token in tokens)]
    assert all(token.logprob == token.top_logprobs[0].logprob for token in tokens)
    text = client.completions.create(model="base", prompt="A town", max_tokens=0, echo=True, logprobs=1)
    scores = text.choices[0].logprobs
    assert ("A town", "A town") == (text.choices[0].text, "".join(scores.tokens))
    assert [None, True] == [scores.token_logprobs[0], all(score < 0 for score in scores.token_logprobs[1:])]
    assert scores.text_offset == [len("".join(scores.tokens[:index])) for index in range(len(scores.tokens))]


def test_the_official_client_completes_texts(client: Any) -> None:
    """Several at a time, from a seed, up to a stop string."""
    options: Any = {"model": "base", "prompt": ["A town", "A river"], "max_tokens": 12, "temperature": 1.5, "seed": 7}
    first, second = (client.completions.create(**options) for _ in range(2))
    texts = [choice.text for choice in first.choices]
    assert texts == [choice.text for choice in second.choices]
    stop = texts[0][3:6]
    stopped = client.completions.create(**options, stop=stop).choices[0]
    assert (texts[0][: texts[0].index(stop)], "stop") == (stopped.text, stopped.finish_reason)
    streamed = client.completions.create(**{**options, "prompt": "A town"}, stream=True)
    assert texts[0] == "".join(chunk.choices[0].text for chunk in streamed)


def test_the_official_client_raises_its_own_errors(client: Any) -> None:
    """Each with its status, its code and the field at fault."""
    for error, call, code, field in (
        (openai.NotFoundError, {"model": "gpt"}, "model_not_found", "model"),
        (openai.BadRequestError, {"n": 2}, "unsupported_value", "n"),
        (openai.BadRequestError, {"temperature": -1}, None, "temperature"),
        (openai.BadRequestError, {"max_tokens": 5000, "stream": True}, "context_length_exceeded", None),
    ):
        with pytest.raises(error) as caught:
            client.chat.completions.create(**{"model": "base", "messages": CHAT, **call})
        assert (code, field, "invalid_request_error") == (caught.value.code, caught.value.param, caught.value.type)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt")


@pytest.mark.slow  # each starts the server of a model
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_server(folder: Path, number: int) -> None:
    """Whatever ends the command, also kill -9; Ctrl-C and SIGTERM end it with their usual codes."""
    with serving(folder, "base") as served:
        children = psutil.Process(served.process.pid).children(recursive=True)
        assert any("llmops_plugins.local.server.main" in " ".join(child.cmdline()) for child in children)
        served.process.send_signal(number)
        _, errors = served.process.communicate(timeout=60)
        _, alive = psutil.wait_procs(children, 20)
    assert [] == alive
    assert (-number if number == signal.SIGKILL else 128 + number) == served.process.returncode
    assert "Traceback" not in errors


@pytest.fixture(name="trained", scope="module")
def _trained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of a model that was fine-tuned for some steps."""
    folder = tmp_path_factory.mktemp("trained")
    trainer = {"max_steps": 3, "batch_tokens": 512, "max_length": 512, "held_out": 2, "learning_rate": 0.01}
    spec = {
        "name": "tiny",
        "datasets": [
            {"use": "sample", "seed": 1, "test_fraction": 0.2, "max_train_records": 30, "max_test_records": 2}
        ],
        "prompts": ["plain"],
        "models": [
            {
                "use": "huggingface",
                "name": "tuned",
                "weights": str(tiny_model),
                "trainer": trainer,
                "deployer": DEPLOYER,
            }
        ],
        "generation": {"max_new_tokens": 4},
        "evaluators": [{"use": "qa-accuracy", "metrics": ["f1"]}],
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    with llmops(folder, "run", "tiny.yaml", "--offline", "-q") as process:
        output, errors = process.communicate(timeout=900)
    assert 0 == process.returncode, output + errors
    return folder


@pytest.fixture(name="harness", scope="module")
def _harness(assets_home: Path) -> str:
    """The interpreter of an environment with lm-evaluation-harness, and with what this environment has."""
    return lm_eval_python(assets_home)


QUESTIONS = (
    {"question": "The oldest bridge is", "choices": ["of stone", "of wood and steel"], "answer": 0},
    {"question": "A town on a river has", "choices": ["three bridges", "rain in November", "no river"], "answer": 1},
)


def write_tasks(folder: Path) -> None:
    """Write two tasks on local data: choose the likeliest answer, and generate one."""
    folder.mkdir()
    data = folder / "questions.jsonl"
    data.write_text("".join(json.dumps(question) + "\n" for question in QUESTIONS), encoding="utf-8")
    common = {
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "doc_to_text": "{{question}}",
    }
    choose = {
        **common, "task": "choose", "output_type": "multiple_choice", "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{answer}}", "metric_list": [{"metric": "acc"}],
    }  # fmt: skip
    write = {
        **common, "task": "write", "output_type": "generate_until", "doc_to_target": "{{choices[answer]}}",
        "generation_kwargs": {"until": ["\n\n"], "max_gen_toks": 12, "temperature": 0},
        "metric_list": [{"metric": "exact_match"}],
    }  # fmt: skip
    for task in (choose, write):
        (folder / f"{task['task']}.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")


def log_likelihood(model: Any, tokenizer: Any, context: str, continuation: str) -> tuple[float, bool]:
    """How likely transformers finds a continuation, and whether it is what greedy decoding gives."""
    import torch

    start = len(tokenizer(context)["input_ids"])
    ids = tokenizer(context + continuation, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        scores = model(input_ids=ids).logits[0, start - 1 : -1].log_softmax(-1)
    targets = ids[0, start:]
    return scores.gather(1, targets[:, None]).sum().item(), bool((scores.argmax(-1) == targets).all())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_lm_evaluation_harness_evaluates_a_tuned_candidate(trained: Path, harness: str, tmp_path: Path) -> None:
    """Its log-likelihoods are those of transformers on the same weights, and so are its generated texts."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    write_tasks(tmp_path / "tasks")
    with serving(trained, "tuned") as served:
        arguments = f"model=tuned,base_url={served.url}/completions,tokenizer={served.weights},max_length=1024"
        subprocess.run(
            [
                harness, "-m", "lm_eval", "run", "--model", "local-completions", "--model_args", arguments,
                "--include_path", "tasks", "--tasks", "choose,write", "--output_path", "out", "--log_samples",
            ],
            cwd=tmp_path,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")},
            check=True,
        )  # fmt: skip
        model, tokenizer = (kind.from_pretrained(served.weights) for kind in (AutoModelForCausalLM, AutoTokenizer))
    chosen, written = (
        [
            json.loads(line)
            for path in tmp_path.glob(f"out/**/samples_{task}_*")
            for line in path.read_text().splitlines()
        ]
        for task in ("choose", "write")
    )
    assert (2, 2) == (len(chosen), len(written))
    for sample in chosen:
        for index, ((value, is_greedy),) in enumerate(sample["resps"]):
            asked = sample["arguments"][f"gen_args_{index}"]
            expected, greedy = log_likelihood(model, tokenizer, asked["arg_0"], asked["arg_1"])
            assert expected == pytest.approx(float(value), abs=1e-3)
            assert str(greedy) == is_greedy
    for sample in written:
        ids = tokenizer(sample["arguments"]["gen_args_0"]["arg_0"], return_tensors="pt")["input_ids"]
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        text = tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).partition("\n\n")[0]
        assert [[text]] == sample["resps"]
