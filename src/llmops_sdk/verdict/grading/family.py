"""Judges that grade their own family: models prefer answers like their own.

Names of models are compared, and nothing is known of vendors: `Qwen/Qwen2.5-7B-Instruct` and `qwen3-30b` share the word
`qwen`. Words that say what a model is for are no family. Panickssery, Bowman and Feng, "LLM evaluators recognize and favor
their own generations" (NeurIPS 2024).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

_WORD = re.compile(r"[a-z]{2,}")
_GENERAL = frozenset(
    [
        "ai",
        "aws",
        "awq",
        "base",
        "bedrock",
        "bf",
        "chat",
        "code",
        "coder",
        "distill",
        "eu",
        "exl",
        "fast",
        "flash",
        "fp",
        "free",
        "ft",
        "gb",
        "gguf",
        "gptq",
        "hf",
        "huggingface",
        "instruct",
        "instruction",
        "int",
        "it",
        "jumpstart",
        "large",
        "latest",
        "lite",
        "local",
        "lora",
        "math",
        "max",
        "medium",
        "merged",
        "mini",
        "mlx",
        "model",
        "moe",
        "nano",
        "neuron",
        "next",
        "openai",
        "opus",
        "preview",
        "pro",
        "quantized",
        "reasoning",
        "recorded",
        "sft",
        "small",
        "textgeneration",
        "thinking",
        "tiny",
        "tuned",
        "turbo",
        "us",
        "v",
        "vl",
        "vllm",
    ]
)


def families(name: str) -> frozenset[str]:
    """Return the words of a model's name that may be its family.

    >>> sorted(families("Qwen/Qwen2.5-7B-Instruct")), sorted(families("ft:gpt-4o-mini:acme::abc"))
    (['qwen'], ['abc', 'acme', 'gpt'])
    """
    return frozenset(_WORD.findall(name.rpartition("/")[2].lower())) - _GENERAL


def family_sentences(judges: Iterable[str], candidates: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield a sentence with the candidates of a judge's own family.

    Args:
        judges: The names of the judge's model, as requested and as reported.
        candidates: Candidate to the names of its model.
    """
    own = {word: name for name in judges for word in families(name)}
    related: dict[str, str] = {}
    for candidate, names in candidates.items():
        shared = sorted(own.keys() & {word for name in names for word in families(name)})
        if shared:
            related[candidate] = own[shared[0]]
    if related:
        named = ", ".join(related)
        is_one = len(related) == 1
        yield (
            f"The judge {next(iter(related.values()))} and {named} seem to be of one family, and judges favour answers like their "
            f"own: have people grade some ({'its' if is_one else 'their'} advantage is then corrected), or ask another judge."
        )
