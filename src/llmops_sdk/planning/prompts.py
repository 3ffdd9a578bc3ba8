"""Planning prompts: which ones a pipeline has, and which of them each model is asked with."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import attrs

from llmops_sdk.data.rendering import check_template
from llmops_sdk.errors import SpecError, UserError, did_you_mean
from llmops_sdk.planning.components import Chooser, Chosen, call_plugin
from llmops_sdk.planning.specification.retrieval import RetrievalSpec, split_retrieval
from llmops_sdk.planning.specification.spec import ComponentSpec, ModelSpec
from llmops_sdk.plugin.cards import Card, ModelCard
from llmops_sdk.plugin.interfaces import PromptSource
from llmops_sdk.plugin.options import ModelOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.functions import is_function
from llmops_sdk.values.planned_prompt import PlannedPrompt
from llmops_sdk.values.prompts import ChatTemplate, PromptTemplate
from llmops_sdk.values.retrieval import FIXED, Retrieval

CHAT_PROMPT, TEXT_PROMPT = "chat", "alpaca"
"""The default prompt of a model with a chat template of its own, and that of others."""


class PromptPlanner:
    """Plans the prompts of one pipeline: those that it lists, or where it lists none, those of its models.

    Args:
        listed: The prompts that the specification lists.
        registry: The plugins.
        chooser: Chooses the cards.
        offline: Whether nobody may be asked about a model.
    """

    def __init__(
        self, listed: tuple[ComponentSpec, ...], registry: Registry, chooser: Chooser, *, offline: bool
    ) -> None:
        self._registry = registry
        self._chooser = chooser
        self._offline = offline
        split = [split_retrieval(prompt, chooser.folder) for prompt in listed]
        chosen = chooser.choose_all("prompt", [prompt for prompt, _, _ in split])
        self._planned = {
            prompt.component.name: self._plan(prompt, examples, retrieve)
            for prompt, (_, examples, retrieve) in zip(chosen, split, strict=True)
        }
        self._listed = tuple(self._planned)
        self._used: set[str] = set()

    def names_for(self, model: ModelSpec, card: ModelCard, options: ModelOptions, where: str) -> tuple[str, ...]:
        """Return the names of the prompts that a model is asked with: those that it names, all listed ones, or its default.

        Args:
            model: The model as the specification has it.
            card: Its card.
            options: The card's options.
            where: How error messages start.

        Raises:
            UserError: It names none, one twice, or one that the pipeline lacks; or its default cannot be decided.
        """
        names = model.prompts
        if names is None:
            listed = self._listed if card.uses_prompts else self._listed[:1]
            names = listed or (self._default(card, options, where),)
        elif not names:
            message = f"{where}: prompts is empty; name at least one, or leave it out"
            raise SpecError(message)
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice is not None:
            message = f"{where}: prompts names {twice!r} twice"
            raise SpecError(message)
        for name in names:
            self._find(name, where)
        self._used.update(names)
        return tuple(names)

    def templates(self, names: Iterable[str]) -> dict[str, PromptTemplate]:
        """Return the templates of prompts by their names."""
        return {name: self._planned[name].template for name in names}

    def check_chats(self, names: Iterable[str], card: Card, options: ModelOptions, where: str) -> None:
        """Refuse chats for a model that is known to have no chat template; no service is asked.

        Raises:
            SpecError: One of the prompts is a chat.
        """
        chats = [name for name in names if isinstance(self._planned[name].template, ChatTemplate)]
        if not chats:
            return
        try:
            has_template = call_plugin(card, partial(options.has_chat_template, offline=True))
        except UserError:
            return  # a run finds out when it has the model
        if has_template is False:
            message = (
                f"{where}: it has no chat template, which the prompt {chats[0]!r} needs; ask it with a text prompt: "
                f"`prompts: [{TEXT_PROMPT}]`"
            )
            raise SpecError(message)

    def plan_prompts(self) -> tuple[PlannedPrompt, ...]:
        """Return the planned prompts, once all models have theirs.

        Raises:
            SpecError: No model is asked with one of them.
        """
        unused = next((name for name in self._planned if name not in self._used), None)
        if unused is not None:
            message = f"no model is asked with the prompt {unused!r}: add it to the `prompts` of one, or remove it"
            raise SpecError(message)
        return tuple(self._planned.values())

    def _default(self, card: ModelCard, options: ModelOptions, where: str) -> str:
        if card.default_prompt:
            return card.default_prompt
        try:
            has_template = call_plugin(card, partial(options.has_chat_template, offline=self._offline))
        except UserError as exc:
            message = (
                f"{where}: its default prompt depends on whether it has a chat template, and {exc}; "
                f"name the prompt: `prompts: [{CHAT_PROMPT}]` for an instruct model, or `[{TEXT_PROMPT}]`"
            )
            raise SpecError(message) from exc
        return CHAT_PROMPT if has_template else TEXT_PROMPT

    def _find(self, name: str, where: str) -> None:
        """Find a prompt; where the pipeline lists none, a model's own are cards without options."""
        if name in self._planned:
            return
        if self._listed:
            hint = did_you_mean(name, self._listed) or f"; it has: {', '.join(self._listed)}"
            message = f"{where}: the pipeline has no prompt {name!r}{hint}"
            raise SpecError(message)
        if is_function(name):
            message = (
                f"{where}: list the function {name!r} under the prompts of the pipeline, and name it here by its name"
            )
            raise SpecError(message)
        self._planned[name] = self._plan(self._chooser.choose("prompt", name, {}))

    def _plan(
        self, prompt: Chosen, examples: RetrievalSpec | None = None, retrieve: RetrievalSpec | None = None
    ) -> PlannedPrompt:
        source: PromptSource = self._registry.make("prompt", prompt.component.use, prompt.component.options)
        template = call_plugin(prompt.card, source.template)
        check_template(template, prompt.component.name)
        return PlannedPrompt(
            prompt.component.name,
            prompt.component.use,
            template,
            examples=self._plan_retrieval(examples),
            retrieve=self._plan_retrieval(retrieve),
        )

    def _plan_retrieval(self, spec: RetrievalSpec | None) -> Retrieval | None:
        if spec is None:
            return None
        values = attrs.asdict(spec, filter=lambda field, _: field.name != "where")
        if spec.by == FIXED:
            return Retrieval(**values)
        component = self._chooser.choose("retriever", spec.by, {}, where=f"{spec.where}.by").component
        return Retrieval(**values, options=component.options, retriever_key=component.key)
