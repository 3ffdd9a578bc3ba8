"""Running the steps of a plan: the only callers of a plugin's data source, trainer, deployer and evaluator."""

from __future__ import annotations

from llmops_sdk.running.asking import Answered, Question, Unanswered, ask
from llmops_sdk.running.runtime import Runtime, default_home
from llmops_sdk.running.step import run_step

__all__ = ["Answered", "Question", "Runtime", "Unanswered", "ask", "default_home", "run_step"]
