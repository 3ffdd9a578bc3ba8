"""One training job of a rehearsed pipeline: what SageMaker's container does, in a process of this machine.

The command is the definition's own: `job_driver.sh` from the uploaded channel, the SDK's bootstrap, then the pickled
function. Substituted are the place of `/opt/ml`, the image (this Python), and, unless `install` is wanted, the
installation of the requirements: the shipped wheels are unpacked from the uploaded workspace instead.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import attrs

from llmops_plugins.sagemaker.emulator import sitecustomize, supervisor

OPT_ML = "/opt/ml"
BOOTSTRAP = "sagemaker_remote_function_bootstrap"
_PASSED_ON = (
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "LLMOPS_HOME",
    "LLMOPS_OFFLINE",
    "HF_HUB_OFFLINE",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
)
_FOR_PIP = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_SHIPPED_SUFFIX = ".whl"


@attrs.frozen
class Machine:
    """What all rehearsed containers share.

    Attributes:
        python: The interpreter that stands for the image.
        url: Where AWS is played.
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
class Container:
    """A job, in a folder of its own.

    Attributes:
        folder: All of its files are below it.
        request: The resolved `Arguments` of its step.
        job: The name of its training job.
        machine: What it shares.
    """

    folder: Path
    request: Mapping[str, Any]
    job: str
    machine: Machine
    _process: subprocess.Popen[bytes] | None = None
    _stopped: threading.Event = attrs.field(factory=threading.Event)

    @property
    def root(self) -> Path:
        """Where its `/opt/ml` is."""
        return self.folder / "opt" / "ml"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "log"

    def run(self, s3: Any) -> str:
        """Run it to its end; return why it failed, or an empty text.

        Args:
            s3: A boto3 client.
        """
        try:
            self._prepare(s3)
        except FileNotFoundError as exc:
            return f"ClientError: {exc}"
        with self.log.open("ab") as log:
            code = self._run(log)
        if self._stopped.is_set():
            return "the job was stopped"
        failure = self.root / "output" / "failure"
        said = failure.read_text(encoding="utf-8", errors="replace").strip() if failure.exists() else ""
        if code == 0 and not said and self._has_result(s3):
            return ""
        return f"AlgorithmError: {said or self._last_words()}, exit code: {code or 1}"

    def stop(self) -> None:
        """Ask it to end, and have it killed soon after."""
        self._stopped.set()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    # -------------------------------------------------------------------------------------------

    def _prepare(self, s3: Any) -> None:
        for name in ("input/config", "input/data", "output/data", "model"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name in ("work", "home", "site", "bin"):
            (self.folder / name).mkdir(exist_ok=True)
        for channel in self.request["InputDataConfig"]:
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            download(s3, uri, self.root / "input" / "data" / channel["ChannelName"])
        for script in (self.root / "input" / "data" / BOOTSTRAP).iterdir():
            script.write_text(script.read_text(encoding="utf-8").replace(OPT_ML, str(self.root)), encoding="utf-8")
        hosts = {
            "current_host": "algo-1",
            "hosts": ["algo-1"],
            "network_interface_name": "eth0",
            "current_instance_type": self.request["ResourceConfig"]["InstanceType"],
        }
        (self.root / "input" / "config" / "resourceconfig.json").write_text(json.dumps(hosts), encoding="utf-8")
        shutil.copy(str(sitecustomize.__file__), self.folder / "site" / "sitecustomize.py")
        shim = self.folder / "bin" / "python"
        shim.write_text(f'#!/bin/sh\nexec "{self.machine.python}" "$@"\n', encoding="utf-8")
        shim.chmod(0o755)
        if not self.machine.install:
            self._unpack_wheels()

    def _unpack_wheels(self) -> None:
        for workspace in (self.root / "input" / "data").glob("*/workspace.zip"):
            with zipfile.ZipFile(workspace) as archive:
                for name in archive.namelist():
                    if name.endswith(_SHIPPED_SUFFIX):
                        with archive.open(name) as file, zipfile.ZipFile(file) as wheel:
                            wheel.extractall(self.folder / "site")

    def _run(self, log: IO[bytes]) -> int:
        algorithm = self.request["AlgorithmSpecification"]
        command = [part.replace(OPT_ML, str(self.root)) for part in algorithm["ContainerEntrypoint"]]
        command += self._arguments([str(argument) for argument in algorithm["ContainerArguments"]])
        if self._stopped.is_set():
            return 1
        self._process = subprocess.Popen(  # noqa: S603 - the definition's own command
            [sys.executable, str(supervisor.__file__), *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=self.folder / "work",
            env=self._environment(),
        )
        if self._stopped.is_set():  # in between
            self.stop()
        try:
            return self._process.wait(float(self.request["StoppingCondition"]["MaxRuntimeInSeconds"]))
        except subprocess.TimeoutExpired:
            if self._process.stdin is not None:
                self._process.stdin.close()
            return self._process.wait()

    def _arguments(self, given: list[str]) -> list[str]:
        """Return the arguments; without `install`, no dependency file is named in them."""
        if not self.machine.install and "--dependency_settings" in given:
            given[given.index("--dependency_settings") + 1] = json.dumps({"dependency_file": None})
        return given

    def _environment(self) -> dict[str, str]:
        """Return the variables: none of the user's but those of the cache and, to install, of pip."""
        kept = [
            name for name in os.environ if name in _PASSED_ON or (self.machine.install and name.startswith(_FOR_PIP))
        ]
        hub = os.environ.get("HF_HOME") or str(Path.home() / ".cache" / "huggingface")
        search = [str(self.folder / "bin"), str(Path(self.machine.python).parent), os.defpath]
        return {
            "OMP_WAIT_POLICY": "passive",  # other processes compute on this machine too
            **{name: os.environ[name] for name in kept},
            **self.request.get("Environment", {}),
            **aws_variables(self.machine.url, self.machine.region),
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(self.machine.config),
            "HF_HOME": hub,
            "HOME": str(self.folder / "home"),
            "LOGNAME": "root",  # else the bootstrap wants sudo
            "PATH": os.pathsep.join(search),
            "PYTHONPATH": str(self.folder / "site"),
            "SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY": str(self.folder / "cache"),
            "LLMOPS_REHEARSAL_ROOT": str(self.root),
            "TRAINING_JOB_NAME": self.job,
        }

    def _has_result(self, s3: Any) -> bool:
        parts = urlsplit(self.request["OutputDataConfig"]["S3OutputPath"])
        found = s3.list_objects_v2(Bucket=parts.netloc, Prefix=f"{parts.path.strip('/')}/payload.pkl", MaxKeys=1)
        return bool(found.get("KeyCount"))

    def _last_words(self) -> str:
        lines = [line.strip() for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()]
        return next((line for line in reversed(lines) if line), "it said nothing")


def aws_variables(url: str, region: str) -> dict[str, str]:
    """Return the variables that lead boto3 to the AWS that is played at a URL, and to no other."""
    return {
        "AWS_ACCESS_KEY_ID": "rehearsal",
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def download(s3: Any, uri: str, folder: Path) -> None:
    """Write the objects at a URI, or below it, into a folder.

    Raises:
        FileNotFoundError: There is none; in SageMaker's words.
    """
    parts = urlsplit(uri)
    prefix = parts.path.strip("/")
    found = False
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=parts.netloc, Prefix=prefix):
        for item in page.get("Contents", ()):
            inside = item["Key"].removeprefix(prefix).lstrip("/")
            if item["Key"] != prefix and not item["Key"].startswith(f"{prefix.rstrip('/')}/"):
                continue
            target = folder / (inside or Path(prefix).name)
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(parts.netloc, item["Key"], str(target))
            found = True
    if not found:
        message = f"Data download failed: No S3 objects found under S3 URL {uri!r}"
        raise FileNotFoundError(message)
