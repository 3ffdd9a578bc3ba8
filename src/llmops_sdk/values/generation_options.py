"""How candidates write their answers."""

from __future__ import annotations

import attrs


@attrs.frozen
class GenerationOptions:
    """How candidates write their answers; one for all candidates of a run.

    Attributes:
        max_new_tokens: The longest answer, in tokens of the model.
        temperature: 0 is greedy decoding.
        top_p: Nucleus sampling; 1 keeps all tokens.
        stop: Further stop strings, after those of the prompt template.
        seed: For sampling.
    """

    max_new_tokens: int = attrs.field(default=128, validator=attrs.validators.ge(1))
    temperature: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    top_p: float = attrs.field(default=1.0, validator=[attrs.validators.gt(0), attrs.validators.le(1)])
    stop: tuple[str, ...] = ()
    seed: int = 0
