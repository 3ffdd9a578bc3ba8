"""A repository on the Hugging Face hub, and the hub's errors about it as ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import attrs

from llmops_sdk.plugin import AssetError, Secret

_REASON_LENGTH = 200


class HubUnreachableError(AssetError):
    """The hub did not answer; the cache may still have the files."""


@attrs.frozen(kw_only=True)
class Repository:
    """A repository on the hub, at one revision.

    Attributes:
        id: `OWNER/NAME`.
        kind: `model` or `dataset`.
        revision: A branch, a tag or a commit; empty is the newest commit.
        token: For a private or gated repository; without one, the login of this machine is used.
    """

    id: str
    kind: Literal["model", "dataset"] = "model"
    revision: str = ""
    token: Secret | None = None

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"{self.kind} {self.id!r}"


@contextmanager
def hub_errors(repository: Repository) -> Iterator[None]:
    """Raise errors of the hub's library, and of the HTTP library that its version uses, as ours.

    Raises:
        HubUnreachableError: The hub does not answer.
        AssetError: It has no such repository or revision, or refuses to show it.
    """
    try:
        yield
    except _library_errors() as exc:
        raise hub_error(exc, repository) from exc


def _library_errors() -> tuple[type[Exception], ...]:
    loaded = [sys.modules[name] for name in ("httpx", "httpx2") if name in sys.modules]
    return (OSError, ValueError, *(module.HTTPError for module in loaded))  # those of requests are OSErrors


def hub_error(error: Exception, repository: Repository) -> AssetError:
    """Return an error of the hub's library as ours: one line, with what the user can do."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return AssetError(
            f"the {repository.label} is gated: accept its licence on its page at the hub, then log in with "
            "'hf auth login' or set HF_TOKEN"
        )
    if isinstance(error, RepositoryNotFoundError):
        hint = "the token may not read it" if repository.token else "log in with 'hf auth login' or set HF_TOKEN"
        return AssetError(f"the hub has no {repository.label}, or it is private: check the id; {hint}")
    if isinstance(error, RevisionNotFoundError):
        return AssetError(f"the {repository.label} has no revision {repository.revision!r} on the hub")
    if isinstance(error, HFValidationError):
        return AssetError(f"{repository.id!r} is not an id of the hub: write OWNER/NAME")
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return HubUnreachableError(f"the hub did not answer about the {repository.label} ({reason[:_REASON_LENGTH]})")
