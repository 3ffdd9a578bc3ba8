"""Containers that are killed while they have an endpoint: the client reports it, and nothing is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sagemaker")

from llmops_sdk.plugin import Failed

from ...plugins.sagemaker.fixtures import Cloud
from .executions import Executions, plan_uri
from .test_watched_executions import ASKED, STORE, Command, _command, _executions, piped  # noqa: F401 - two are fixtures
from .whole_runs import collect, the_runs, written

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("jumpstart", "home", "runtime")]

NODE = "generate-llama-2-7b"
CONTAINER = "import sys; from llmops_plugins.sagemaker.pipeline.steps import run_node; run_node(*sys.argv[1:])"
KILLED = "AlgorithmError: , exit code: 137"


def lose_container(run_id: str, cloud: Cloud) -> None:
    """Run the generate node in a process that is killed (-9) while its endpoint is being created."""
    cloud.endpoint_stages = [("Creating", "")] * 1000
    uri = plan_uri(piped().build(), STORE)
    with subprocess.Popen([sys.executable, "-c", CONTAINER, uri, run_id, NODE]) as container:

        def kill(action: str) -> None:
            if action == "DescribeEndpoint" and "CreateEndpoint" in cloud.created:
                container.send_signal(signal.SIGKILL)

        cloud.on_call = kill
        assert -signal.SIGKILL == container.wait(120)
    cloud.on_call = lambda _: None
    for kind, name in (line.split(" ") for line in cloud.left()):
        if kind == "endpoint":
            cloud.turn(kind, name, ("Creating", ""), ("InService", ""))


@pytest.mark.parametrize(
    ("status", "node", "error"),
    [
        ("Failed", "Failed", f"its container was lost: {KILLED}"),
        pytest.param("Stopped", "Stopped", "the execution was stopped", marks=pytest.mark.slow),
    ],
)
def test_the_endpoint_of_a_lost_container_is_deleted(  # noqa: PLR0913, PLR0917 - a table and its fixtures
    status: str,
    node: str,
    error: str,
    cloud: Cloud,
    executions: Executions,
    command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Out of memory or stopped in the console: the record has the reason, and attaching deletes the endpoint."""
    assert 0 == command("run", written(piped(), tmp_path), "--detach").code
    (run_id,) = executions.statuses
    lose_container(run_id, cloud)
    assert {"endpoint", "endpoint-config", "model"} == {line.split(" ")[0] for line in cloud.left()}
    executions.nodes[run_id][NODE] = node
    executions.reasons[NODE] = KILLED if node == "Failed" else ""
    executions.end(run_id, status)

    ended = command("attach", run_id)

    assert (3, (f"{ASKED}: {error}",)) == (ended.code, ended.errors)
    assert "deleted      endpoint 'llmops-" in ended.output
    assert [] == cloud.left()
    (run,) = the_runs(STORE)
    record = run.record(ASKED)
    assert isinstance(record, Failed)
    assert error == record.error
    assert "runs left nothing behind" in collect(capsys, STORE, cloud)
