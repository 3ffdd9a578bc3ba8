"""The emulated AWS account: moto on loopback, in a process of its own.

`python -m llmops_plugins.sagemaker.emulator.server CHOICES` prints its URL on standard output. When its standard input
ends, because the client has closed it or was killed, it ends with everything that it started.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moto.sagemaker.exceptions import ValidationError
from moto.server import ThreadedMotoServer

from llmops_plugins.sagemaker.emulator.choices import EmulatedSession, EmulatorChoices
from llmops_plugins.sagemaker.emulator.container import Machine
from llmops_plugins.sagemaker.emulator.jumpstart import EmulatedJumpStart, in_background
from llmops_plugins.sagemaker.emulator.metadata import jumpstart_files, model_packages
from llmops_plugins.sagemaker.emulator.moto_handlers import add_to_moto
from llmops_plugins.sagemaker.emulator.pipeline import EmulatedExecution
from llmops_plugins.sagemaker.emulator.quotas import limit_moto
from llmops_sdk.plugin import from_json

_END_SECONDS = 15.0
"""Time for the containers to end; they are killed earlier."""


class EmulatedAccount:
    """One account.

    Args:
        choices: The choices of the client.
        url: The URL of moto.
    """

    def __init__(self, choices: EmulatorChoices, url: str) -> None:
        self._choices = choices
        self._url = url
        self._folder = Path(choices.folder)
        self._python = choices.python
        self._config = self._folder / "config.yaml"
        self._session = EmulatedSession(url, choices.region)
        self.jumpstart = EmulatedJumpStart(choices, self._folder, self._session.client("s3"))
        self.executions: dict[str, EmulatedExecution] = {}

    def set_up(self) -> None:
        """Create bucket, role, the metadata of JumpStart, and the Python of the containers."""
        choices, s3 = self._choices, self._session.client("s3")
        cache = f"jumpstart-cache-prod-{choices.region}"
        location = {"CreateBucketConfiguration": {"LocationConstraint": choices.region}}
        for bucket in (choices.bucket, cache):
            s3.create_bucket(Bucket=bucket, **(location if choices.region != "us-east-1" else {}))
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        name = choices.role.rpartition("/")[2]
        self._session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)
        for key, data in jumpstart_files(choices.jumpstart, choices.region).items():
            s3.put_object(Bucket=cache, Key=key, Body=data)
        for package in model_packages(choices.jumpstart):
            self._session.client("sagemaker").create_model_package(**package)
        config = {"SchemaVersion": "1.0", "SageMaker": {"TrainingJob": {"RoleArn": choices.role}}}
        self._config.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
        if choices.install:
            self._python = make_image(self._folder / "image", choices.python)

    def start(self, execution: Any) -> None:
        """Start an execution, for moto's object of it. Its own limit of parallel steps applies too."""
        limit = (execution.parallelism_configuration or {}).get("MaxParallelExecutionSteps", sys.maxsize)
        choices, execution_id = self._choices, execution.arn.rpartition("/")[2]
        machine = Machine(self._python, self._url, choices.region, choices.install, self._config)
        emulated = EmulatedExecution(
            execution,
            self._folder / execution_id,
            machine,
            self._session.client("s3"),
            min(choices.steps_at_a_time, limit),
        )
        self.executions[execution.arn] = emulated
        in_background(emulated.run)

    def close(self) -> None:
        """Stop everything."""
        self.jumpstart.close()
        for execution in self.executions.values():
            with suppress(ValidationError):  # it has ended
                execution.stop()
        for thread in threading.enumerate():
            if thread.name == "llmops-rehearsal":
                thread.join(_END_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)  # the client may have been killed


def make_image(folder: Path, python: str) -> str:
    """Create an environment with the contents of an image, the client's Python and SageMaker SDK; return its Python.

    Raises:
        subprocess.CalledProcessError: pip failed; its output is on standard error.
    """
    subprocess.run([python, "-m", "venv", str(folder)], check=True)  # noqa: S603 - the client's own interpreter
    image_python = str(folder / "bin" / "python")
    # pytz: sagemaker 2.253.1 imports it but does not require it.
    packages = [f"sagemaker=={version('sagemaker')}", "pytz"]
    subprocess.run([image_python, "-m", "pip", "install", "--quiet", *packages], check=True)  # noqa: S603 - as above
    return image_python


def main() -> int:
    """Serve until standard input ends."""
    choices: EmulatorChoices = from_json(json.loads(sys.argv[1]), EmulatorChoices)
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed goes to standard error
    for name in ("werkzeug", "moto"):
        logging.getLogger(name).setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    account = EmulatedAccount(choices, f"http://{host}:{port}")
    add_to_moto(account.start, account.executions, account.jumpstart)
    limit_moto(choices.quotas)
    account.set_up()
    output.write(json.dumps({"url": f"http://{host}:{port}"}) + "\n")
    output.close()
    while os.read(0, 4096):
        pass
    account.close()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)
