"""A container that is stopped while its endpoint is asked: it deletes the endpoint and ends."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.emulator.container import EmulatedContainer, Machine
from llmops_plugins.sagemaker.emulator.pipeline import EmulatedExecution
from llmops_plugins.sagemaker.emulator.process import GRACE_SECONDS

from ...plugins.sagemaker.fixtures import REGION, Cloud, RuntimeServer
from ...plugins.sagemaker.loopback import ServerAnswer
from .executions import ACCOUNT, Executions
from .test_watched_executions import STORE, Command, _command, _executions, piped  # noqa: F401 - two are fixtures
from .whole_runs import collect, written

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("jumpstart", "home")]

PIPELINE, NODE = "llmops-article", "generate-llama-2-7b"
VARIABLES = (
    "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
    "AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE",
    "AWS_JUMPSTART_SPECS_LOCAL_ROOT_DIR_OVERRIDE",
)
"""With which a process finds the servers and files of the tests."""


def container_of(run_id: str, folder: Path, cloud: Cloud) -> EmulatedContainer:
    """Return the container of the generate step, as the submitted definition describes it."""
    definition = boto3.client("sagemaker").describe_pipeline(PipelineName=PIPELINE)["PipelineDefinition"]
    (arguments,) = [step["Arguments"] for step in json.loads(definition)["Steps"] if step["Name"] == NODE]
    (folder / "config.yaml").write_text(json.dumps({"SchemaVersion": "1.0"}), encoding="utf-8")
    machine = Machine(sys.executable, cloud.url, REGION, install=False, config=folder / "config.yaml")
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{PIPELINE}/execution/{run_id}"
    execution = SimpleNamespace(arn=arn, pipeline_definition_for_execution=definition)
    request: dict[str, Any] = EmulatedExecution(execution, folder, machine, None, 1).resolve(arguments)
    request["Environment"] |= {name: os.environ[name] for name in VARIABLES}
    return EmulatedContainer(folder / NODE, request, "job", machine)


def test_a_stopped_container_deletes_the_endpoint_that_it_asks(
    cloud: Cloud,
    runtime: RuntimeServer,
    executions: Executions,
    command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """SIGTERM goes to the first process of the container alone, the shell of the driver script, as SageMaker sends it."""
    assert 0 == command("run", written(piped(), tmp_path), "--detach").code
    (run_id,) = executions.statuses
    container = container_of(run_id, tmp_path, cloud)
    asked, stopped = threading.Event(), threading.Event()

    def answer_late(_body: Any) -> ServerAnswer:
        asked.set()
        stopped.wait(60)
        return ServerAnswer([{"generation": "late"}])

    runtime.answer = answer_late
    reasons: list[str] = []
    thread = threading.Thread(target=lambda: reasons.append(container.run(boto3.client("s3"))))
    thread.start()
    assert asked.wait(120), (tmp_path / NODE / "log").read_text()
    assert {"endpoint", "endpoint-config", "model"} == {line.split(" ")[0] for line in cloud.left()}

    container.stop()
    thread.join(GRACE_SECONDS + 20)
    stopped.set()

    assert not thread.is_alive()
    assert 1 == len(cloud.requests("DeleteEndpoint"))
    assert [] == cloud.left()
    assert "exit code: 143" in reasons[0], "the container ended by itself, and was not killed"
    assert f"node '{NODE}' was stopped" in reasons[0]
    executions.end(run_id, "Stopped")
    assert "runs left nothing behind" in collect(capsys, STORE, cloud)
