"""``qd snapshot``: names for states."""

from __future__ import annotations

import pytest


@pytest.mark.usefixtures("project")
def test_names_are_listed_with_their_states(qd):
    """With a name, `qd snapshot` gives it; without one, it lists."""
    assert qd("snapshot").out == "no state has a name yet: qd snapshot NAME\n"
    state = qd("snapshot", "before", "--json").json["state"]["id"]
    assert qd("snapshot", "--list", "--json").json["snapshots"] == [
        {"name": "before", "state": state, "recorded": True}
    ]
    assert "before" in qd("snapshot").out
    assert qd("snapshot", "git:main").code == 2
