"""The arguments of `with_*` methods as a specification has them."""

from __future__ import annotations

from llmops_sdk.pipeline.arguments import merged, override_from, with_seeds
from llmops_sdk.planning.specification.spec import Override
from llmops_sdk.testing.options import EchoTrainerOptions


def test_a_trainer_is_named_given_as_an_object_or_as_a_mapping() -> None:
    """The key `use` of a mapping holds the name."""
    assert Override() == override_from(None)
    assert Override("lora") == override_from("lora")
    assert Override("lora", {"epochs": 2}) == override_from({"use": "lora", "epochs": 2})
    assert {"voice": "quiet", "seed": 0, "fails": False} == dict(
        override_from(EchoTrainerOptions(voice="quiet")).options
    )


def test_seeds_replace_the_seed_of_an_object() -> None:
    """An object always has one; in a mapping it was written, and stays to be refused."""
    override = Override("", {"seed": 0, "voice": "loud"})

    assert {"voice": "loud", "seeds": (1, 2)} == dict(with_seeds(override, [1, 2], of_object=True).options)
    assert {"seed", "voice", "seeds"} == with_seeds(override, [1, 2], of_object=False).options.keys()


def test_named_options_override_those_of_the_object() -> None:
    """What is not named stays."""
    assert {"voice": "mute", "seed": 3, "fails": False} == merged(EchoTrainerOptions(seed=3), {"voice": "mute"})
    assert {"a": 1} == merged(None, {"a": 1})
