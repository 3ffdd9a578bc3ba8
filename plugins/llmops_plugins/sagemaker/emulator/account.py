"""The emulated AWS account: moto on loopback, with the parts of SageMaker that moto lacks."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import boto3
import botocore.session
from botocore.config import Config

from llmops_plugins.sagemaker.emulator.container import Machine
from llmops_plugins.sagemaker.emulator.handlers import put_into_moto
from llmops_plugins.sagemaker.emulator.jumpstart import JumpStart
from llmops_plugins.sagemaker.emulator.metadata import metadata
from llmops_plugins.sagemaker.emulator.model_process import Part
from llmops_plugins.sagemaker.emulator.pipeline import PlayedExecution, RefusedError

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/llmops-rehearsal"


@attrs.frozen(kw_only=True)
class Choices:
    """What the rehearsal is told.

    Attributes:
        folder: Where containers live.
        python: The interpreter that stands for the image.
        region: The region.
        bucket: The bucket that is there.
        role: The ARN of the execution role, or empty.
        steps_at_a_time: Steps side by side.
        install: Whether the steps install their requirements with pip.
        stand_in: The model card that plays JumpStart models.
        stand_in_options: Of that card.
        stand_in_steps: Optimizer steps of a training job that is played.
        jumpstart: JumpStart ids of the plan, with the versions asked for.
    """

    folder: str
    python: str
    region: str
    bucket: str
    role: str
    steps_at_a_time: int
    install: bool
    stand_in: str
    stand_in_options: Mapping[str, Any]
    stand_in_steps: int
    jumpstart: Mapping[str, str]


class World:
    """The account that is played.

    Args:
        choices: What the rehearsal is told.
    """

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.folder = Path(choices.folder)
        self._executions: dict[str, PlayedExecution] = {}
        self._server: Any = None
        self.jumpstart: JumpStart
        self._python = choices.python
        self.url = ""

    def open(self) -> None:
        """Serve on loopback."""
        from moto.server import ThreadedMotoServer

        for name in ("werkzeug", "moto"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.jumpstart = JumpStart(self.folder, self.client("s3"), self.client("logs"), self._part)
        put_into_moto(self)
        self._make_bucket(self.choices.bucket)
        self._make_role(self.choices.role or ROLE)
        cache = f"jumpstart-cache-prod-{self.choices.region}"
        self._make_bucket(cache)
        for key, data in metadata(self.choices.jumpstart, self.choices.region).items():
            self.client("s3").put_object(Bucket=cache, Key=key, Body=data)
        if self.choices.install:
            self._python = make_image(self.folder / "image", self.choices.python)
        config = {"SchemaVersion": "1.0", "SageMaker": {"TrainingJob": {"RoleArn": self.choices.role or ROLE}}}
        (self.folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML

    def _make_role(self, arn: str) -> None:
        who = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [who]})
        self.client("iam").create_role(RoleName=arn.rpartition("/")[2], AssumeRolePolicyDocument=policy)

    def _make_bucket(self, name: str) -> None:
        region = self.choices.region
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
        self.client("s3").create_bucket(Bucket=name, **place)

    def _part(self, name: str) -> Part:
        choices = self.choices
        return Part(
            name=name, stand_in=choices.stand_in, options=choices.stand_in_options, steps=choices.stand_in_steps
        )

    def close(self) -> None:
        """End everything."""
        self.jumpstart.close()
        for execution in self._executions.values():
            with suppress(RefusedError):  # it has ended
                execution.stop()

    def client(self, service: str) -> Any:
        """Return a client of this account."""
        return loopback_client(service, self.url, self.choices.region)

    # -- pipelines ------------------------------------------------------------------------------

    def start_pipeline_execution(
        self, arn: str, definition: Any, parameters: list[dict[str, str]] | None, bound: Mapping[str, int] | None
    ) -> None:
        """Begin to play an execution; its `ParallelismConfiguration` bounds what this machine runs side by side."""
        at_a_time = self.choices.steps_at_a_time
        execution = PlayedExecution(
            arn=arn,
            definition=json.loads(definition) if isinstance(definition, str) else definition,
            parameters={item["Name"]: item["Value"] for item in parameters or ()},
            folder=self.folder / arn.rpartition("/")[2],
            machine=Machine(
                python=self._python,
                url=self.url,
                region=self.choices.region,
                install=self.choices.install,
                config=self.folder / "config.yaml",
            ),
            s3=self.client("s3"),
            at_a_time=min(at_a_time, (bound or {}).get("MaxParallelExecutionSteps", at_a_time)),
        )
        execution.check()
        execution.folder.mkdir(parents=True)
        self._executions[arn] = execution
        execution.start()

    def execution(self, arn: str) -> PlayedExecution:
        """Return an execution that is played.

        Raises:
            RefusedError: There is none.
        """
        if arn not in self._executions:
            message = f"Pipeline execution with ARN {arn} does not exist"
            raise RefusedError(message)
        return self._executions[arn]


def make_image(folder: Path, python: str) -> str:
    """Make what a container's image has: the Python of the client, and the SageMaker SDK of the client; return its Python.

    Raises:
        subprocess.CalledProcessError: pip could not install it; what it said is on standard error.
    """
    subprocess.run([python, "-m", "venv", str(folder)], check=True)  # noqa: S603 - the client's own interpreter
    made = str(folder / "bin" / "python")
    # pytz: sagemaker 2.253.1 imports it without asking for it.
    packages = [f"sagemaker=={version('sagemaker')}", "pytz"]
    subprocess.run([made, "-m", "pip", "install", "--quiet", *packages], check=True)  # noqa: S603 - as above
    return made


def loopback_session(region: str) -> Any:
    """Return a boto3 session with made-up credentials, and with no profile or configuration of the user's."""
    nowhere = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    own = botocore.session.Session(session_vars={"profile": (None, None, None, None), **nowhere})
    return boto3.Session(
        aws_access_key_id="rehearsal",
        aws_secret_access_key="rehearsal",  # noqa: S106 - it is none
        region_name=region,
        botocore_session=own,
    )


def loopback_client(service: str, url: str, region: str, config: Config | None = None) -> Any:
    """Return a boto3 client of the AWS that is played at a URL; nothing of the user's own configuration is in it."""
    own = Config(proxies={}, retries={"mode": "standard"})
    return loopback_session(region).client(service, endpoint_url=url, config=own.merge(config) if config else own)
