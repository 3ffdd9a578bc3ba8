"""A step in a process of its own: `python -m llmops_sdk.steps.worker STORE RUN STEP`, and the parent's end of it.

The child is in its own process group, so that Ctrl-C in a terminal reaches the parent alone. It watches its standard
input: when the parent closes it or dies, the child stops as if it had been interrupted. Its standard output carries
progress events, one JSON object a line; everything that is printed goes to the step's log.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from llmops_sdk.progress import EventProgress, replay
from llmops_sdk.record.run import Run
from llmops_sdk.steps.runtime import Runtime, default_home
from llmops_sdk.steps.signals import stop_signals
from llmops_sdk.steps.step import run_step
from llmops_sdk.values.step_records import Failed, StepRecord

GRACE_SECONDS = 15.0
"""How long a stopped child may take to save its work before it is killed."""

_LOG_LINES = 8
"""Log lines that an error shows."""


class Child:
    """The parent's end of a step that runs in a process of its own.

    Args:
        run: The run; its store must be one that another process can open.
        step: The step's name.
        runtime: Its cache and offline mode are passed on; the child's progress is shown in its progress.
        environment: Variables on top of this process's own.
    """

    def __init__(self, run: Run, step: str, runtime: Runtime, *, environment: Mapping[str, str] | None = None) -> None:
        self._run = run
        self._step = step
        self._runtime = runtime
        self._at_end = ExitStack()
        self._log = self._at_end.enter_context(run.log_file(step))
        variables = {
            **os.environ,
            "LLMOPS_HOME": str(runtime.home),
            "LLMOPS_OFFLINE": "1" if runtime.offline else "",
            "PYTHONSAFEPATH": "1",  # a file in the user's folder must not be imported in place of a library
            **(environment or {}),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
                [sys.executable, "-m", "llmops_sdk.steps.worker", run.store.uri, run.id, step],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=variables,
                start_new_session=True,
                text=True,
            )
        if self._process.stdout is not None:
            self._at_end.callback(self._process.stdout.close)

    def wait(self) -> StepRecord:
        """Show the child's progress until it ends, and return the step's record.

        A child that ended without a record (killed, out of memory) gets one with the cause. An exception here, such as
        Ctrl-C, stops the child first.
        """
        started_at = time.time()
        with self._at_end:
            try:
                for line in self._process.stdout or ():
                    replay(line, self._runtime.progress)
                code = self._process.wait()
            except BaseException:
                self.stop()
                raise
            finally:
                self._close()
            record = self._run.record(self._step)
            if record is None:
                record = Failed(self._step, self._cause(code), "", self._step, started_at, time.time() - started_at)
                self._run.write_record(record)
            return record

    def stop(self) -> None:
        """End the child: let it save its work, then kill its process group. Does nothing if it has ended."""
        self._close()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def _close(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def _cause(self, code: int) -> str:
        end = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        if code == -signal.SIGKILL:
            reason = "; the system may have run out of memory"
        else:
            text = self._log.read_text(encoding="utf-8", errors="replace")
            lines = [line.strip() for line in text.splitlines()[-_LOG_LINES:] if line.strip()]
            reason = f"; last log lines: {' / '.join(lines)}" if lines else ""
        return f"the process of step {self._step!r} {end}{reason} (log: {self._run.log_location(self._step)})"


def main() -> int:
    """Run one step of a run; the child's end."""
    if sys.version_info < (3, 11) and sys.path and sys.path[0] == str(Path.cwd()):
        del sys.path[0]  # PYTHONSAFEPATH came with 3.11
    _, store_uri, run_id, step = sys.argv
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # all that is printed goes to the log
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.plugin.stores import open_store

    registry = Registry.load()
    run = Run.open(open_store(store_uri, registry), run_id)
    registry.check_pins(run.plan)
    runtime = Runtime(
        registry, default_home(), offline=bool(os.environ.get("LLMOPS_OFFLINE")), progress=EventProgress(events)
    )
    try:
        with stop_signals():
            run_step(run, step, runtime)
    except KeyboardInterrupt:
        return 130
    return 0


def _stop_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE_SECONDS - 2)
    os._exit(130)


if __name__ == "__main__":
    code = main()
    # Without this, torch's and tokenizers' threads can hold a finished process for seconds.
    sys.stderr.flush()
    os._exit(code)
