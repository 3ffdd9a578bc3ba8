"""Asking a server that answers after a fixed time: records per second against the ideal, and CPU-seconds, of several tools.

    python asking.py [--tools own,inspect,lm-eval,promptfoo] [--records 2000] [--latency 100] [--in-flight 32,128]

Each tool evaluates the same questions in a process of its own, with its own files and logs. The server measures: the seconds
from its first request to its last answer, so no tool pays for its start. The ideal is what the latency allows with that many
requests in flight. CPU-seconds are those of all of the tool's processes, from their start to their end. A tool that is not
installed is skipped. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peers

HERE = Path(__file__).parent
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_FAILED_TEST_EXIT_CODE": "0",
}


def main() -> None:
    """Measure each tool with each number of requests in flight."""
    parser = argparse.ArgumentParser(description="Measure how fast tools ask a server.")
    parser.add_argument("--tools", default=",".join(_TOOLS))
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--latency", type=int, default=100, help="milliseconds")
    parser.add_argument("--in-flight", default="32,128")
    options = parser.parse_args()
    results: dict[str, dict[str, Any]] = {}
    with _stub(options.latency) as port:
        for name in options.tools.split(","):
            for in_flight in map(int, options.in_flight.split(",")):
                measured = _measure(_TOOLS[name], port, options.records, in_flight)
                if measured is None:
                    print(f"{name} is not installed: skipped", file=sys.stderr)
                    break
                ideal = in_flight / (options.latency / 1000)
                measured["of_ideal"] = measured["per_second"] / ideal
                results.setdefault(name, {})[str(in_flight)] = measured
    print(json.dumps(results))


def _measure(tool: Callable[[Path, int, int], Any], port: int, records: int, in_flight: int) -> dict[str, Any] | None:
    """Return what the server and the system measured of one tool, or None if it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "questions.jsonl"
        rows.write_text("".join(f"{json.dumps(_row(number))}\n" for number in range(records)), encoding="utf-8")
        command = tool(rows, port, in_flight)
        if command is None:
            return None
        _statistics(port)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = {**os.environ, **QUIET, "OPENAI_API_KEY": "none", "LLMOPS_HOME": f"{folder}/home", "NO_COLOR": "1",
                       "PROMPTFOO_CONFIG_DIR": f"{folder}/promptfoo"}  # fmt: skip
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seen = _statistics(port)
    if done.returncode or seen["requests"] < records:
        raise SystemExit(
            f"{command} asked {seen['requests']} of {records}:\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"
        )
    seconds = seen["last"] - seen["first"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": seconds,
        "per_second": seen["requests"] / seconds,
        "most_in_flight": seen["most_in_flight"],
        "cpu_ms_per_record": cpu / records * 1000,
    }


def _row(number: int) -> dict[str, str]:
    return {"instruction": f"Question {number}: what is the answer to everything?", "context": "", "response": "42"}


@contextmanager
def _stub(latency: int) -> Iterator[int]:
    command = [sys.executable, str(HERE / "stub_server.py"), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


def _statistics(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=30) as reply:
        statistics: dict[str, Any] = json.load(reply)
        return statistics


# -- tools ----------------------------------------------------------------------------------------
# Each writes what it needs beside the questions, and returns its command, or None where it is not installed.


def _own(rows: Path, port: int, in_flight: int) -> list[str]:
    model = {"use": "vllm/stub-1", "base_url": f"http://127.0.0.1:{port}/v1", "max_concurrency": in_flight}
    specification = {
        "datasets": [{"use": "jsonl", "path": str(rows), "test_fraction": 1}],
        "prompts": ["plain"],
        "models": [model],
        "evaluators": [{"use": "qa-accuracy", "metrics": ["exact_match"]}],
    }
    path = rows.with_name("pipeline.yaml")
    path.write_text(json.dumps(specification), encoding="utf-8")
    return [sys.executable, "-m", "llmops_sdk.cli.main", "run", str(path)]


def _inspect(rows: Path, port: int, in_flight: int) -> list[str] | None:
    script = f"""
from inspect_ai import Task, eval
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

data = json_dataset({str(rows)!r}, FieldSpec(input="instruction", target="response"))
model = get_model("openai-api/stub/stub-1", base_url="http://127.0.0.1:{port}/v1", api_key="none",
                  config=GenerateConfig(max_connections={in_flight}, max_tokens=128, temperature=0))
logs = eval(Task(dataset=data, solver=generate(), scorer=includes()), model=model, max_samples={in_flight}, display="none",
            log_realtime=False)
assert logs[0].status == "success", logs[0].error
"""
    return _python(rows, script, "inspect")


def _lm_eval(rows: Path, port: int, in_flight: int) -> list[str] | None:
    folder = rows.with_name("tasks")
    folder.mkdir()
    (folder / "stub.yaml").write_text(
        json.dumps({
            "task": "stub",
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(rows)}},
            "test_split": "test",
            "output_type": "generate_until",
            "doc_to_text": "instruction",
            "doc_to_target": "response",
            "generation_kwargs": {"until": [], "max_gen_toks": 128},
            "metric_list": [{"metric": "exact_match"}],
        }),
        encoding="utf-8",
    )  # fmt: skip
    arguments = (
        f"model=stub-1,base_url=http://127.0.0.1:{port}/v1/chat/completions,num_concurrent={in_flight},max_retries=3,"
        "tokenized_requests=False"
    )
    script = f"""
import sys
from lm_eval.__main__ import cli_evaluate

sys.argv = ["lm_eval", "--model", "local-chat-completions", "--model_args", {arguments!r}, "--tasks", "stub",
            "--include_path", {str(folder)!r}, "--apply_chat_template", "--output_path", "out", "--log_samples"]
cli_evaluate()
"""
    return _python(rows, script, "lm-eval")


def _promptfoo(rows: Path, port: int, in_flight: int) -> list[str] | None:
    promptfoo = peers.program("promptfoo")
    if not promptfoo.exists():
        return None
    tests = [
        {"vars": {"question": row["instruction"]}, "assert": [{"type": "contains", "value": row["response"]}]}
        for row in map(json.loads, rows.read_text(encoding="utf-8").splitlines())
    ]
    provider = {
        "id": "openai:chat:stub-1",
        "config": {"apiBaseUrl": f"http://127.0.0.1:{port}/v1", "temperature": 0, "max_tokens": 128},
    }
    path = rows.with_name("promptfooconfig.json")
    path.write_text(
        json.dumps({"prompts": ["{{question}}"], "providers": [provider], "tests": tests}), encoding="utf-8"
    )
    options = ["--no-cache", "--no-progress-bar", "--no-table", "--output", "out.json"]
    return [str(promptfoo), "eval", "-c", str(path), "--max-concurrency", str(in_flight), *options]


def _python(rows: Path, script: str, tool: str) -> list[str] | None:
    """Return the command that runs a script with the Python of a tool, or None where it is not installed."""
    python = peers.python(tool)
    if not python.exists():
        return None
    path = rows.with_name("script.py")
    path.write_text(script, encoding="utf-8")
    return [str(python), str(path)]


_TOOLS: dict[str, Callable[[Path, int, int], list[str] | None]] = {
    "own": _own,
    "inspect": _inspect,
    "lm-eval": _lm_eval,
    "promptfoo": _promptfoo,
}

if __name__ == "__main__":
    main()
