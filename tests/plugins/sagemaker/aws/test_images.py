"""The check of an image in ECR, against a server of the test that answers as ECR does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

pytest.importorskip("moto")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.images import ecr_check
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import Finding

from ..fixtures import REGION, Cloud
from ..loopback import Asked, ServerAnswer, served

ADDRESS = f"111122223333.dkr.ecr.{REGION}.amazonaws.com/steps:py"
DIGEST = f"sha256:{'a' * 64}"


def check(uri: str = ADDRESS, python: str = "3.11") -> Finding:
    made = ecr_check(Aws(SageMakerSettings(region=REGION)), uri, "image", python=python)
    assert made is not None
    return made.run()


@pytest.fixture(name="configuration")
def _configuration(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of the layers: the configuration of an image with Python 3.12."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"config": {"Env": ["PATH=/bin", "PYTHON_VERSION=3.12.4"]}}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/layer"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(name="ecr")
def _ecr(cloud: Cloud, configuration: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ServerAnswer]]:
    """ECR, whose answers a test may replace by the name of the action; the image is for two platforms."""
    del cloud
    index = {
        "manifests": [
            {"digest": f"sha256:{'b' * 64}", "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": DIGEST, "platform": {"os": "linux", "architecture": "amd64"}},
        ]
    }
    answers: dict[str, ServerAnswer] = {}

    def answer(asked: Asked) -> ServerAnswer:
        action = asked.headers["x-amz-target"].rpartition(".")[2]
        if action in answers:
            return answers[action]
        if action == "GetDownloadUrlForLayer":
            assert "sha256:config" == asked.body["layerDigest"]
            return ServerAnswer({"downloadUrl": configuration})
        if action == "DescribeImages":
            return ServerAnswer({"imageDetails": []})
        (version,) = asked.body["imageIds"]
        manifest = {"config": {"digest": "sha256:config"}} if version == {"imageDigest": DIGEST} else index
        return ServerAnswer({"images": [{"imageManifest": json.dumps(manifest)}]})

    with served(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", url)
        yield answers


@pytest.mark.usefixtures("ecr")
def test_the_python_of_the_image_is_compared() -> None:
    """It is read from the configuration of the image for x86, without its layers."""
    assert Finding("error", "the image has Python 3.12, but this program runs in 3.11") == check()
    assert Finding("ok", "steps:py, Python 3.12") == check(python="3.12")
    assert Finding("ok", "steps:py") == check(python="")


def test_what_the_image_does_not_say_passes(ecr: dict[str, ServerAnswer]) -> None:
    """Nor is it an error that it may not be read."""
    ecr["GetDownloadUrlForLayer"] = ServerAnswer({"__type": "AccessDeniedException", "message": "no"}, 400)
    assert Finding("ok", "steps:py") == check()


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        ("RepositoryNotFoundException", "error", "there is no repository 'steps' in 111122223333"),
        ("ImageNotFoundException", "error", "the repository 'steps' in 111122223333 has no image 'py'"),
        ("AccessDeniedException", "ok", "no permission to look at it: not checked"),
        ("ServerException", "ok", "cannot be looked at: not checked (ServerException)"),
    ],
)
def test_a_missing_image_is_an_error(error: str, status: str, text: str, ecr: dict[str, ServerAnswer]) -> None:
    """What cannot be looked at is not."""
    ecr["DescribeImages"] = ServerAnswer({"__type": error, "message": "no"}, 400)
    finding = check()
    assert (status, text) == (finding.status, finding.text)


@pytest.mark.usefixtures("cloud")
def test_an_image_of_another_region_is_an_error() -> None:
    """SageMaker takes images from its own region."""
    assert (
        f"the image is in eu-west-1, but the jobs run in {REGION}" == check(ADDRESS.replace(REGION, "eu-west-1")).text
    )


@pytest.mark.usefixtures("cloud")
def test_other_addresses_are_not_checked() -> None:
    """Nothing is known of them."""
    assert ecr_check(Aws(SageMakerSettings(region=REGION)), "python:3.11", "image") is None
