"""The prompts that come with the SDK."""

from __future__ import annotations

from llmops_plugins.prompts.options import ChatOptions
from llmops_sdk.plugin import ChatTemplate, PromptSource, TextTemplate

JUMPSTART_RESPONSE_KEY = "\n\n### Response:\n"
"""SageMaker JumpStart's fine-tuning puts this between prompt and completion, and it is appended when a model is asked."""

ALPACA = TextTemplate(
    prompt=(
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n"
    ),
    response_key=JUMPSTART_RESPONSE_KEY,
    completion=" {response}",
    # A model that was not fine-tuned continues with the next exercise. Only this heading is a safe stop: such a model
    # often starts its answer with a second "### Response:", and would be cut to nothing.
    stop=("### Instruction:",),
    without_context=(
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}"
    ),
)


class Alpaca(PromptSource):
    """The article's template word for word, as in JumpStart's `template.json`, and Alpaca's own for records without a context.

    With a context there are four line breaks before `### Response:`: two end the article's prompt, and JumpStart's response
    key starts with two. Models fine-tuned by JumpStart have seen them, so they are asked with them.

    Alpaca: https://github.com/tatsu-lab/stanford_alpaca#data-release
    """

    def template(self) -> TextTemplate:
        """Return the template."""
        return ALPACA


class Plain(PromptSource):
    """The instruction, a blank line and the context, and nothing after it; a model is trained to answer after a blank line."""

    def template(self) -> TextTemplate:
        """Return the template."""
        return TextTemplate(
            prompt="{instruction}\n\n{context}", completion="\n\n{response}", without_context="{instruction}"
        )


class Chat(PromptSource):
    """The record's own messages, or one user message, in the format of the model's own chat template."""

    options: ChatOptions

    def template(self) -> ChatTemplate:
        """Return the template."""
        system = ({"role": "system", "content": self.options.system},) if self.options.system else ()
        messages = (*system, {"role": "user", "content": "{instruction}\n\n{context}"})
        return ChatTemplate(messages=messages, conversation=True)
