"""Every error the SDK raises.

    LLMOpsError
    ├── UserError                 the caller can mend it; the CLI prints it without a traceback, exit code 2
    │   ├── SpecError             a pipeline specification that cannot run as it is written
    │   ├── DataError             a dataset, a record or a prompt template that does not fit it
    │   ├── PluginError           a plugin that is absent, broken or in conflict with another
    │   ├── MissingExtraError     an optional dependency that is not installed
    │   ├── AssetError            weights or a dictionary that cannot be had here
    │   ├── StoreError            a store that cannot be read or written: no bucket, no permission, no network
    │   ├── RecordError           a file of a run's record that is damaged
    │   └── RunNotFoundError      no such run, step or record in the store
    ├── StepFailedError           a step of a run ended in a failure that its record tells
    ├── ResourceBusyError         a resource that cannot be deleted yet; later it can
    └── EndpointError             an endpoint could not be started or did not answer
        └── RequestError          one request failed; `retryable` says whether to ask again

Messages are lower case, have no full stop, quote the thing and say what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LLMOpsError(Exception):
    """The root of all errors raised on purpose by the SDK."""


class UserError(LLMOpsError):
    """Something that the caller wrote or has not installed, and can mend."""


class SpecError(UserError):
    """A pipeline specification that cannot run as it is written."""


class DataError(UserError):
    """A dataset, a record, or a prompt template that does not fit its records."""


class PluginError(UserError):
    """A plugin that is absent, broken, or in conflict with another one."""


class MissingExtraError(UserError):
    """An optional dependency that is needed and not installed."""


class AssetError(UserError):
    """Weights, a dictionary or another asset that cannot be had on this machine."""


class StoreError(UserError):
    """A store that cannot be read or written as it is: no bucket, no permission, no credentials, no network."""


class RecordError(UserError):
    """A file of a run's record is damaged, and cannot be read."""


class RunNotFoundError(UserError):
    """A run, a step or a file of a run that the store does not hold."""


class StepFailedError(LLMOpsError):
    """A step of a run ended in a failure, which its record tells in full."""


class ResourceBusyError(LLMOpsError):
    """A resource that cannot be deleted in the state in which it is, and can be later: an endpoint being created."""


class EndpointError(LLMOpsError):
    """An endpoint could not be started, or does not answer."""


class RequestError(EndpointError):
    """One request to an endpoint failed.

    Attributes:
        retryable: Whether the same request may succeed later (throttling, 5xx, a lost connection).
        retry_after: Seconds the endpoint asked to wait, or None.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


class RunInterrupted(KeyboardInterrupt):
    """A run was stopped with Ctrl-C; completed work is saved and the run can be resumed.

    Attributes:
        run_id: The run, for `llmops run --resume` or `llmops_sdk.resume`.
        store: The URI of the store that holds it.
    """

    def __init__(self, run_id: str, store: str) -> None:
        super().__init__(run_id, store)
        self.run_id = run_id
        self.store = store


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the tail of an "unknown name" message: the nearest known name, or all of them.

    >>> did_you_mean("stf", ["sft", "dpo"])
    "; did you mean 'sft'?"
    >>> did_you_mean("zzz", ["sft", "dpo"])
    '; known: dpo, sft'
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(names)}" if names else "; none is installed"
