"""The templates that come with the SDK."""

from __future__ import annotations

from llmops_plugins.prompts.options import ChatOptions
from llmops_sdk.plugin import ChatTemplate, PromptSource, TextTemplate

JUMPSTART_RESPONSE_KEY = "\n\n### Response:\n"
"""What SageMaker JumpStart's fine-tuning puts between prompt and completion, and what is appended when asking."""

ALPACA = TextTemplate(
    prompt=(
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n"
    ),
    response_key=JUMPSTART_RESPONSE_KEY,
    completion=" {response}",
    # A model that was not fine-tuned goes on to the next exercise. Only this heading is safe to stop at: such a model
    # also likes to begin its answer with a second "### Response:", and would be left with nothing.
    stop=("### Instruction:",),
)


class Alpaca(PromptSource):
    """The article's template word for word, as JumpStart's `template.json` has it.

    Four line breaks stand before `### Response:`: two end the prompt, two begin JumpStart's response key. Models that
    JumpStart fine-tuned have seen them, so they are asked with them.
    """

    def template(self) -> TextTemplate:
        """Return the template."""
        return ALPACA


class Plain(PromptSource):
    """The instruction, then the context; the answer follows after a blank line."""

    def template(self) -> TextTemplate:
        """Return the template."""
        return TextTemplate(prompt="{instruction}\n\n{context}\n\n")


class Chat(PromptSource):
    """One question of a user, in the format of the model's own chat template."""

    options: ChatOptions

    def template(self) -> ChatTemplate:
        """Return the template."""
        system = ({"role": "system", "content": self.options.system},) if self.options.system else ()
        return ChatTemplate(messages=(*system, {"role": "user", "content": "{instruction}\n\n{context}"}))
