"""The check of an image in Amazon ECR: it exists, in the region of the jobs, and has the Python that is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import attrs
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.account import QUICK, Aws
from llmops_plugins.sagemaker.errors import error_code, why_unchecked
from llmops_sdk.plugin import Check, Finding

_ADDRESS = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_NONE = {
    "RepositoryNotFoundException": "there is no repository {repository!r} in {account}",
    "ImageNotFoundException": "the repository {repository!r} in {account} has no image {version!r}",
}
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")


@attrs.frozen
class _Image:
    account: str
    region: str
    repository: str
    tag: str
    digest: str

    @property
    def request(self) -> dict[str, Any]:
        """The fields that name it in a request to ECR."""
        version = {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag}
        return {"registryId": self.account, "repositoryName": self.repository, "imageIds": [version]}


def ecr_check(aws: Aws, uri: str, subject: str, *, python: str = "") -> Check | None:
    """Return the check of an image; None for an address that is not in ECR, of which nothing is known.

    Args:
        aws: The account.
        uri: The address.
        subject: What the image is for, the name of the check.
        python: The Python that it must have (`3.11`), or empty for any.
    """
    address = _ADDRESS.fullmatch(uri)
    if address is None:
        return None
    image = _Image(
        address["account"],
        address["region"],
        address["repository"],
        "" if address["digest"] else address["tag"] or "latest",
        address["digest"] or "",
    )
    return Check(f"{subject} in ECR", lambda: _check(aws, image, python))


def _check(aws: Aws, image: _Image, python: str) -> Finding:
    if image.region != aws.region:
        text = f"the image is in {image.region}, but the jobs run in {aws.region}"
        return Finding("error", text, f"copy it to a repository in {aws.region}, and set its address")
    ecr = aws.client("ecr", QUICK)
    try:
        ecr.describe_images(**image.request)
    except ClientError as exc:
        code = error_code(exc)
        if code in _NONE:
            names = {**attrs.asdict(image), "version": image.digest or image.tag}
            return Finding("error", _NONE[code].format(**names), "push the image, or set another address")
        return Finding("ok", why_unchecked(exc, "image"))
    except BotoCoreError as exc:
        return Finding("ok", why_unchecked(exc, "image"))
    in_image = _python_of(ecr, image) if python else ""
    if in_image and python and in_image != python:
        return Finding("error", f"the image has Python {in_image}, but this program runs in {python}")
    return Finding(
        "ok", f"{image.repository}:{image.tag or image.digest}" + (f", Python {in_image}" if in_image else "")
    )


def _python_of(ecr: Any, image: _Image) -> str:
    """Return the Python that an image says it has, as the official images of Python do; empty if it says none.

    The variable `PYTHON_VERSION` is in the image's configuration, which is a few kilobytes; no layer is downloaded.
    """
    try:
        manifest = _manifest(ecr, image)
        url = ecr.get_download_url_for_layer(
            registryId=image.account, repositoryName=image.repository, layerDigest=manifest["config"]["digest"]
        )["downloadUrl"]
        answer = httpx.get(url, follow_redirects=True, timeout=20)
        answer.raise_for_status()
        variables = [line.partition("=") for line in answer.json()["config"]["Env"]]
    except (BotoCoreError, ClientError, httpx.HTTPError, ValueError, LookupError, TypeError):
        return ""
    version = next((value for name, _, value in variables if name == "PYTHON_VERSION"), "")
    return ".".join(version.split(".")[:2])


def _manifest(ecr: Any, image: _Image) -> Mapping[str, Any]:
    """Return the manifest of an image; of one for several platforms, that for Linux on x86."""
    answer = ecr.batch_get_image(**image.request, acceptedMediaTypes=[*_MANIFESTS, *_INDEXES])
    manifest: Mapping[str, Any] = json.loads(answer["images"][0]["imageManifest"])
    if "manifests" not in manifest:
        return manifest
    (chosen,) = [
        each["digest"]
        for each in manifest["manifests"]
        if (each["platform"]["os"], each["platform"]["architecture"]) == ("linux", "amd64")
    ]
    return _manifest(ecr, attrs.evolve(image, tag="", digest=chosen))
