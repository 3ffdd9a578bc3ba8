"""Errors of the hub, as a user reads them."""

from __future__ import annotations

import pytest

from .conftest import COMMIT, Ask

pytest.importorskip("huggingface_hub", reason="the hub is reached through its library")


def test_a_token_opens_a_private_repository(ask: Ask) -> None:
    """Its text is read where it is used; without it, the repository looks as if it did not exist."""
    opened, hidden, refused = ask(
        "snapshot.hub_commit(Repository(id='us/secret', token=Secret('env:HUB_TOKEN')))",
        "snapshot.hub_commit(Repository(id='us/secret'))",
        "snapshot.hub_commit(Repository(id='us/secret', token=Secret('env:HF_HOME')))",
    )

    assert opened == COMMIT
    assert hidden == (
        "AssetError: the hub has no model 'us/secret', or it is private: check the id; log in with 'hf auth login' "
        "or set HF_TOKEN"
    )
    assert refused.endswith("check the id; the token may not read it")


def test_what_the_hub_refuses_is_one_line_with_a_hint(ask: Ask) -> None:
    """An unknown repository, a gated one, an unknown revision, and an id that cannot be one."""
    unknown, gated, revision, odd = ask(
        "snapshot.hub_commit(Repository(id='us/nothing', kind='dataset'))",
        "snapshot.find_snapshot(Repository(id='them/gated'), offline=False)",
        "snapshot.find_snapshot(Repository(id='us/tiny', revision='v9'), offline=False)",
        "snapshot.find_snapshot(Repository(id='us/ti ny'), offline=True)",
    )

    assert unknown.startswith("AssetError: the hub has no dataset 'us/nothing', or it is private: check the id; log in")
    assert gated == (
        "AssetError: the model 'them/gated' is gated: accept its licence on its page at the hub, then log in with "
        "'hf auth login' or set HF_TOKEN"
    )
    assert revision == "AssetError: the model 'us/tiny' has no revision 'v9' on the hub"
    assert odd == "AssetError: 'us/ti ny' is not an id of the hub: write OWNER/NAME"
