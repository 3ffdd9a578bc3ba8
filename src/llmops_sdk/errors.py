"""Every error the SDK raises.

    LLMOpsError
    ├── UserError                 the user can fix it; the CLI prints it without a traceback, exit code 2
    │   ├── SpecError             a pipeline specification that cannot run as it is written
    │   ├── DataError             a dataset, a record or a prompt template that does not fit it
    │   ├── PluginError           a plugin that is missing, broken or in conflict with another
    │   ├── MissingExtraError     an optional dependency that is not installed
    │   ├── AssetError            weights or a dictionary that are not available
    │   ├── StoreError            a store that cannot be read or written: no bucket, no permission, no network
    │   ├── RecordError           a file of a run's record that is damaged
    │   └── RunNotFoundError      no such run, step or record in the store
    ├── StepFailedError           no candidate of a run could be evaluated; its record has the details
    ├── ResourceBusyError         a resource that cannot be deleted yet
    └── EndpointError             an endpoint could not be started or did not answer
        └── RequestError          one request failed; `retryable` is true if it may succeed later

    KeyboardInterrupt
    └── RunInterrupted            Ctrl-C, SIGTERM or SIGHUP stopped a run, which can be resumed

Messages are lower case, have no full stop, quote the thing and say what to do.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable
from typing import Any


class LLMOpsError(Exception):
    """The root of all errors raised on purpose by the SDK."""


class UserError(LLMOpsError):
    """Something that the user wrote or has not installed, and can fix."""


class SpecError(UserError):
    """A pipeline specification that cannot run as it is written."""


class DataError(UserError):
    """A dataset, a record, or a prompt template that does not fit its records."""


class PluginError(UserError):
    """A plugin that is missing, broken, or in conflict with another one."""


class MissingExtraError(UserError):
    """An optional dependency that is needed and not installed."""


class AssetError(UserError):
    """Weights, a dictionary or another asset that is not available on this machine."""


class StoreError(UserError):
    """A store that cannot be read or written: no bucket, no permission, no credentials, no network."""


class RecordError(UserError):
    """A file of a run's record is damaged, and cannot be read."""


class RunNotFoundError(UserError):
    """A run, a step or a file of a run that the store does not have."""


class StepFailedError(LLMOpsError):
    """A step of a run failed, or no candidate could be evaluated; the record has the details.

    Attributes:
        run: The record of the run, where `Pipeline.run`, `resume` or `attach` raised it; `Result(error.run)` reads it.
    """

    def __init__(self, message: str, run: Any = None) -> None:
        super().__init__(message)
        self.run = run


class ResourceBusyError(LLMOpsError):
    """A resource that cannot be deleted in its present state, but can be later: an endpoint being created."""


class EndpointError(LLMOpsError):
    """An endpoint could not be started, or does not answer."""


class RequestError(EndpointError):
    """One request to an endpoint failed.

    Attributes:
        retryable: Whether the same request may succeed later (throttling, 5xx, a lost connection).
        retry_after: Seconds that the endpoint asked to wait, or None.
        status: The HTTP status of the refusal; 0 where there is none.
        refuses_all: Whether the endpoint refuses every request so until something is fixed: a key, a URL, a model that it
            does not know. The question stays open.
        parameter: The field of the request that the model does not support, or empty.
        is_missing: Whether the model was never asked: recorded answers lack the record. Its score is missing then; other
            requests that fail for good are the candidate's own failures.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        retry_after: float | None = None,
        status: int = 0,
        refuses_all: bool = False,
        parameter: str = "",
        is_missing: bool = False,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
        self.status = status
        self.refuses_all = refuses_all
        self.parameter = parameter
        self.is_missing = is_missing


class RunInterrupted(KeyboardInterrupt):
    """A run was stopped with Ctrl-C, SIGTERM or SIGHUP; completed work is saved, and the run can be resumed.

    Attributes:
        run_id: The run, for `llmops run --resume` or `llmops_sdk.resume`.
        store: The URI of the store that holds it.
        signal: The number of the signal that stopped it.
        advice: What to type next, one line each.
    """

    def __init__(self, run_id: str, store: str, *, signal: int = 2, advice: str = "") -> None:
        super().__init__(run_id, store)
        self.run_id = run_id
        self.store = store
        self.signal = signal
        option = f" --store {shlex.quote(store)}" if store else ""
        self.advice = advice or f"completed work is saved; resume with: llmops run --resume {run_id}{option}"

    def __str__(self) -> str:
        python = f"or in Python: llmops_sdk.resume({self.run_id!r}{f', store={self.store!r}' if self.store else ''})"
        command, *further = self.advice.splitlines()
        return "\n".join([f"run {self.run_id!r} was stopped; {command}, {python}", *further])

    def _render_traceback_(self) -> list[str]:
        """Return what notebooks show instead of a traceback; IPython calls it."""
        return [str(self)]


def describe_os_error(error: OSError) -> str:
    """Return in one line what the system refused, and for which file.

    >>> describe_os_error(OSError(28, "No space left on device", "/runs/a"))
    "No space left on device: '/runs/a'"
    """
    names = [repr(str(name)) for name in (error.filename, error.filename2) if name is not None]
    return ": ".join([error.strerror or str(error) or type(error).__name__, *names])


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of an "unknown name" message: the nearest known name, or all known names.

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
