"""What endpoints report of how they serve."""

from __future__ import annotations

from llmops_sdk.values.resources import serving_details


def test_what_is_known_is_reported() -> None:
    """What is not known is left out, and what is known to be absent is `none`."""
    assert {} == serving_details()
    assert {"chat template": "none", "BOS": "none", "EOS": "</s>"} == serving_details(
        chat_template="", bos="", eos="</s>"
    )
    assert {"context length": "8192", "number format": "Q8_0"} == serving_details(
        context_length=8192, number_format="Q8_0"
    )


def test_a_chat_template_is_its_hash() -> None:
    """White space at its ends, which tools drop when they copy it, makes no other template."""
    one, two, other = (serving_details(chat_template=text) for text in ("{{ a }}", "{{ a }}\n", "{{ b }}"))
    assert one == two != other
    assert 12 == len(one["chat template"])
