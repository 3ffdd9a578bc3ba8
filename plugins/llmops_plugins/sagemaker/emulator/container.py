"""A container of a pipeline step, emulated by a process of this machine.

It runs the command of the pipeline definition: `job_driver.sh` from the uploaded channel, the SDK's bootstrap, then the
pickled function. Three things are replaced: the location of `/opt/ml`; the image, by a Python of this machine; and, unless
`install` is set, the installation of the requirements: the shipped wheels are unpacked from the uploaded workspace.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from llmops_plugins.sagemaker.emulator import sitecustomize
from llmops_plugins.sagemaker.emulator.choices import emulated_variables
from llmops_plugins.sagemaker.emulator.process import EmulatedProcess

_OPT_ML = "/opt/ml"
_BOOTSTRAP = "sagemaker_remote_function_bootstrap"
_PASSED_ON = (
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "LLMOPS_HOME",
    "LLMOPS_FMEVAL_PYTHON",  # an image that has FMEval sets it
    "LLMOPS_OFFLINE",
    "HF_HUB_OFFLINE",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
)
_PASSED_ON_FOR_PIP = (
    "PIP_",
    "UV_",
    "SSL_CERT_",
    "REQUESTS_CA_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)


@attrs.frozen
class Machine:
    """What all emulated containers share.

    Attributes:
        python: The interpreter, in place of an image.
        url: The URL of the emulated AWS.
        region: The region.
        install: Whether the requirements are installed with pip.
        config: A SageMaker config file for the containers.
    """

    python: str
    url: str
    region: str
    install: bool
    config: Path


@attrs.define
class EmulatedContainer:
    """The container of one step.

    Attributes:
        folder: Holds all of its files.
        request: The `Arguments` of its step, with expressions resolved.
        job: The name of its training job.
        machine: What it shares with others.
    """

    folder: Path
    request: Mapping[str, Any]
    job: str
    machine: Machine
    _process: EmulatedProcess = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._process = EmulatedProcess(self.folder / "log")

    def run(self, s3: Any) -> str:
        """Run it to its end; return the reason of a failure, or an empty text.

        Args:
            s3: A boto3 client.
        """
        try:
            self._prepare(s3)
        except FileNotFoundError as exc:
            return f"ClientError: {exc}"
        timeout = float(self.request["StoppingCondition"]["MaxRuntimeInSeconds"])
        code = self._process.run(self._command(), cwd=self.folder / "work", env=self._environment(), timeout=timeout)
        failure = self._root / "output" / "failure"
        reason = failure.read_text(encoding="utf-8", errors="replace").strip() if failure.exists() else ""
        if code == 0 and not reason:
            return ""
        return f"AlgorithmError: {reason or self._process.last_line}, exit code: {code or 1}"

    def stop(self) -> None:
        """Stop it; returns at once."""
        self._process.stop()

    # -------------------------------------------------------------------------------------------

    @property
    def _root(self) -> Path:
        """The location of its `/opt/ml`."""
        return self.folder / "opt" / "ml"

    def _prepare(self, s3: Any) -> None:
        for name in ("input/config", "input/data", "output/data", "model"):
            (self._root / name).mkdir(parents=True, exist_ok=True)
        for name in ("work", "home", "site", "bin"):
            (self.folder / name).mkdir(exist_ok=True)
        for channel in self.request["InputDataConfig"]:
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            download(s3, uri, self._root / "input" / "data" / channel["ChannelName"])
        for script in (self._root / "input" / "data" / _BOOTSTRAP).iterdir():
            script.write_text(script.read_text(encoding="utf-8").replace(_OPT_ML, str(self._root)), encoding="utf-8")
        hosts = {
            "current_host": "algo-1",
            "hosts": ["algo-1"],
            "network_interface_name": "eth0",
            "current_instance_type": self.request["ResourceConfig"]["InstanceType"],
        }
        (self._root / "input" / "config" / "resourceconfig.json").write_text(json.dumps(hosts), encoding="utf-8")
        shutil.copy(str(sitecustomize.__file__), self.folder / "site" / "sitecustomize.py")
        python = self.folder / "bin" / "python"
        python.write_text(f'#!/bin/sh\nexec "{self.machine.python}" "$@"\n', encoding="utf-8")
        python.chmod(0o755)
        if not self.machine.install:
            self._unpack_wheels()

    def _unpack_wheels(self) -> None:
        for workspace in (self._root / "input" / "data").glob("*/workspace.zip"):
            with zipfile.ZipFile(workspace) as archive:
                for name in archive.namelist():
                    if name.endswith(".whl"):
                        with archive.open(name) as file, zipfile.ZipFile(file) as wheel:
                            wheel.extractall(self.folder / "site")

    def _command(self) -> list[str]:
        """Return the command of the definition; without `install`, it names no dependency file."""
        algorithm = self.request["AlgorithmSpecification"]
        arguments = [str(argument) for argument in algorithm["ContainerArguments"]]
        if not self.machine.install and "--dependency_settings" in arguments:
            arguments[arguments.index("--dependency_settings") + 1] = json.dumps({"dependency_file": None})
        return [part.replace(_OPT_ML, str(self._root)) for part in algorithm["ContainerEntrypoint"]] + arguments

    def _environment(self) -> dict[str, str]:
        """Return the variables. Of the user's, only those of the cache are passed on, and with `install` those of pip."""
        install = self.machine.install
        names = [name for name in os.environ if name in _PASSED_ON or (install and name.startswith(_PASSED_ON_FOR_PIP))]
        hub = os.environ.get("HF_HOME") or str(Path.home() / ".cache" / "huggingface")
        search = [str(self.folder / "bin"), str(Path(self.machine.python).parent), os.defpath]
        return {
            "OMP_WAIT_POLICY": "passive",  # other processes compute on this machine too
            **{name: os.environ[name] for name in names},
            **self.request.get("Environment", {}),
            **emulated_variables(self.machine.url, self.machine.region),
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(self.machine.config),
            "HF_HOME": hub,
            "HOME": str(self.folder / "home"),
            "LOGNAME": "root",  # otherwise the bootstrap uses sudo
            "PATH": os.pathsep.join(search),
            "PYTHONPATH": str(self.folder / "site"),
            "SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY": str(self.folder / "cache"),
            "LLMOPS_REHEARSAL_ROOT": str(self._root),
            "TRAINING_JOB_NAME": self.job,
        }


def download(s3: Any, uri: str, folder: Path) -> None:
    """Write the object at a URI, or the objects below it, into a folder.

    Raises:
        FileNotFoundError: There is none; with SageMaker's message.
    """
    parts = urlsplit(uri)
    prefix = parts.path.strip("/")
    is_empty = True
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=parts.netloc, Prefix=prefix):
        for key in (item["Key"] for item in page.get("Contents", ())):
            if key != prefix and not key.startswith(f"{prefix}/"):
                continue
            target = folder / (key.removeprefix(prefix).lstrip("/") or Path(prefix).name)
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(parts.netloc, key, str(target))
            is_empty = False
    if is_empty:
        message = f"Data download failed: No S3 objects found under S3 URL {uri!r}"
        raise FileNotFoundError(message)
