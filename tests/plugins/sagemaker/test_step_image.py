"""The script of the how-to that builds the image of the steps: its Dockerfile, and what it calls. Docker is replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "docs" / "how-to" / "step-image.sh"
RECORDER = f"""#!{sys.executable}
import os, sys
name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
asked = sys.stdin.read() if "-" in arguments or "--password-stdin" in arguments else ""
with open(os.environ["CALLS"], "a") as calls:
    print(name, *arguments, file=calls)
    print(asked, end="", file=calls)
if "get-caller-identity" in arguments:
    print("111122223333")
if "get-login-password" in arguments:
    print("password")
sys.exit("describe-repositories" in arguments)
"""
"""Takes the place of `docker` and `aws`: records its arguments and input; there is no repository."""


def run_script(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script with recorders on the path."""
    for name in ("docker", "aws"):
        (folder / name).write_text(RECORDER, encoding="utf-8")
        (folder / name).chmod(0o755)
    search = os.pathsep.join((str(folder), str(Path(sys.executable).parent), os.defpath))
    environment = {"PATH": search, "CALLS": str(folder / "calls"), **variables}
    return subprocess.run(
        ["/bin/bash", str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("checker", [["/bin/bash", "-n"], ["shellcheck"]])
def test_the_script_is_valid(checker: list[str]) -> None:
    """For the shell, and for shellcheck where it is installed."""
    if shutil.which(checker[0]) is None:
        pytest.skip(f"{checker[0]} is not installed")

    done = subprocess.run([*checker, str(SCRIPT)], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stdout)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_dockerfile_has_the_python_and_the_sdk(python: str, tmp_path: Path) -> None:
    """It imports what the steps import; nothing is built or sent."""
    done = run_script(tmp_path, "--dockerfile", "--python", python, "--sagemaker", "2.257.1")

    assert 0 == done.returncode, done.stderr
    lines = done.stdout.splitlines()
    assert f"FROM public.ecr.aws/docker/library/python:{python}-slim" == lines[0]
    assert "RUN pip install --no-cache-dir sagemaker==2.257.1 pytz" in lines
    assert any("import sagemaker.remote_function.invoke_function" in line for line in lines)
    assert not (tmp_path / "calls").exists()


def test_the_python_and_the_sdk_of_this_machine_are_the_default(tmp_path: Path) -> None:
    """Functions are pickled, which needs the same versions."""
    version = pytest.importorskip("importlib.metadata").version("sagemaker")

    done = run_script(tmp_path, "--dockerfile")

    assert f"python:{sys.version_info.major}.{sys.version_info.minor}-slim" in done.stdout
    assert f"sagemaker=={version}" in done.stdout


@pytest.mark.parametrize(("region", "domain"), [("eu-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")])
def test_the_image_is_built_and_pushed(region: str, domain: str, tmp_path: Path) -> None:
    """A missing repository is created; the tag names Python and SDK, and the last line is the setting."""
    arguments = ("--python", "3.12", "--sagemaker", "2.257.1")
    done = run_script(tmp_path, *arguments, AWS_REGION=region)

    assert 0 == done.returncode, done.stderr
    registry = f"111122223333.dkr.ecr.{region}.{domain}"
    image = f"{registry}/llmops-steps:py312-sagemaker-2.257.1"
    assert f"image_uri: {image}" == done.stdout.splitlines()[-1]
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert f"aws ecr create-repository --region {region} --repository-name llmops-steps" in calls
    login = calls.index(f"docker login --username AWS --password-stdin {registry}")
    build = calls.index(f"docker buildx build --platform linux/amd64 --provenance=false --tag {image} --push -")
    assert login < build
    assert "FROM public.ecr.aws/docker/library/python:3.12-slim" == calls[build + 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--python", "3.9"), "llmops-sdk runs in Python 3.10 to 3.13, not in 3.9"),
        (("--sagemaker", "2.256.0"), "sagemaker 2.256.0 cannot run steps"),
        (("--sagemaker", "2.253.0"), "supported are sagemaker 2.253.1 to 3.x, not 2.253.0"),
        (("--sagemaker", "4.0.0"), "supported are sagemaker 2.253.1 to 3.x, not 4.0.0"),
        (("--sagemaker", "2.257.*"), "--sagemaker takes an exact version, such as 2.257.1, not 2.257.*"),
        (("--sagemaker", "3"), "--sagemaker takes an exact version, such as 2.257.1, not 3"),
        (("--python",), "--python needs a value"),
        (("--pyhton", "3.12"), "unknown option --pyhton"),
        (("--python", "3.12"), "no AWS region is set"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """Nothing is built."""
    done = run_script(tmp_path, *arguments)

    assert 2 == done.returncode
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {message}")
    assert "docker" not in ((tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else "")
