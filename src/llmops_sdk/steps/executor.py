"""The interface of executors: where and how the steps of a plan run."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from llmops_sdk.errors import SpecError
from llmops_sdk.plugin.interfaces import Implementation
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import Store
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.plan import Plan, ScoreStep
from llmops_sdk.values.step_records import Succeeded


class Executor(Implementation):
    """Runs the steps of a plan somewhere.

    Attributes:
        remote: Whether steps run on other machines: they fetch the assets there, and the user may leave a run alone
            (`--detach`, `llmops attach`).
    """

    remote: ClassVar[bool] = False

    def create_run(self, plan: Plan, store: Store, runtime: Runtime) -> Run:
        """Create the record of a new run. Nothing is billed before this is called.

        Args:
            plan: What will be executed.
            store: Where the user keeps runs; a remote executor may create the run in a store of its own.
            runtime: The plugins, cache and progress of this process.
        """
        return Run.create(store, plan)

    def resume(self, run: Run, runtime: Runtime) -> Run:
        """Prepare a run that was stopped, or is not complete, to be executed, and return it: this one, or a new one.

        By default the records of steps are removed that failed, that have answers or scores pending, whose artifacts
        are damaged or gone, or that need such a step; they run again, and reuse all that is complete.
        """
        run.store.remove_drafts()
        repeated: set[str] = set()
        for step in run.plan.steps:
            record = run.record(step.name)
            complete = (
                isinstance(record, Succeeded)
                and not record.pending
                and all(run.artifact(address) is not None for address in record.artifacts.values())
            )
            if not complete or not repeated.isdisjoint(step.needs):
                run.clear_record(step.name)
                repeated.add(step.name)
            elif isinstance(step, ScoreStep):
                run.restore_samples(step.cell)
        run.clear_record("compare")
        return run

    def is_running(self, run: Run, runtime: Runtime) -> bool:
        """Return whether steps of a run that has no heartbeat may still run or start; for remote executors.

        Args:
            run: The run, which is not complete.
            runtime: The plugins, cache and progress of this process.

        Raises:
            LLMOpsError: The service cannot be asked.
        """
        return False

    @abstractmethod
    def execute(self, run: Run, runtime: Runtime) -> None:
        """Run every step of `run.plan` that has no record, then return.

        Steps are run with `llmops_sdk.plugin.run_step`, or in another process with `llmops_sdk.plugin.Child`. A failed
        step is in the record and does not stop the others. What runs remotely has ended when this returns; what the
        ledger still holds is deleted then.

        Raises:
            KeyboardInterrupt: The user stopped it; no child is left and the run can be resumed.
        """

    def compile(self, plan: Plan, runtime: Runtime, *, full: bool = False) -> Any:
        """Return, as JSON, what a plan becomes on remote machines. Creates and starts nothing.

        Args:
            plan: The plan.
            runtime: The plugins, cache and progress of this process.
            full: Whether to return it in the very form in which it is sent, with secrets masked.

        Raises:
            SpecError: This executor runs the plan as it is.
        """
        message = f"executor {plan.executor.use!r} runs the plan as it is; show it with: llmops plan"
        raise SpecError(message)

    def detached(self, run: Run) -> str:
        """Return what still runs without the user, how to reconnect, and what protects against forgotten resources.

        For remote executors.
        """
        return ""
