"""The interface of executors: where and how the steps of a plan run."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from llmops_sdk.errors import SpecError
from llmops_sdk.values.step_records import Failed

if TYPE_CHECKING:
    from llmops_sdk.record.run import Run
    from llmops_sdk.record.stores import Store
    from llmops_sdk.steps.runtime import Runtime
    from llmops_sdk.values.plan import Plan

from llmops_sdk.plugin.interfaces import Plugin


class Executor(Plugin):
    """Runs the steps of a plan somewhere.

    Attributes:
        elsewhere: Whether steps run on other machines: they fetch the assets there, and the user may leave a run to
            itself (`--detach`, `llmops attach`).
    """

    remote: ClassVar[bool] = False

    def create_run(self, plan: Plan, store: Store, runtime: Runtime) -> Run:
        """Begin the record of a new run; what it costs begins here at the earliest.

        Args:
            plan: What will be executed.
            store: Where the user keeps runs; an executor elsewhere may begin the run in a store of its own.
            runtime: What this process brings.
        """
        from llmops_sdk.record.run import Run

        return Run.create(store, plan)

    def resume(self, run: Run, runtime: Runtime) -> Run:
        """Make a run that was stopped, or has failed steps, ready to be executed, and return it: this one, or a new one.

        By default what failed is forgotten, so that it is done again.
        """
        for step in run.plan.steps:
            if isinstance(run.record(step.name), Failed):
                run.clear_record(step.name)
        run.clear_record("compare")
        return run

    @abstractmethod
    def execute(self, run: Run, runtime: Runtime) -> None:
        """Run every step of `run.plan` that the record does not show as done, then return.

        Steps are run with `llmops_sdk.run_step`, or in another process with `llmops_sdk.Child`. A failed step is in
        the record and does not stop the others. What is executed elsewhere has ended when this returns; what the
        ledger still holds is deleted then.

        Raises:
            KeyboardInterrupt: The user stopped it; no child is left and the run can be resumed.
        """

    def compile(self, plan: Plan, runtime: Runtime, *, full: bool = False) -> Any:
        """Return, as JSON, what a plan becomes where its steps run elsewhere. Creates and starts nothing.

        Args:
            plan: The plan.
            runtime: What this process brings.
            full: Whether in the very form in which it is sent, without its secrets.

        Raises:
            SpecError: It becomes nothing else: the plan itself is run.
        """
        message = f"executor {plan.executor.use!r} runs the plan as it is; see it with: llmops plan"
        raise SpecError(message)

    def detached(self, run: Run) -> str:
        """Say what goes on without the user, how to come back, and what guards are left. For executors elsewhere."""
        return ""
