"""Test that writes that the remote refuses, or that are cancelled, do not block or lose later ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery import outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    RemoteMissing,
    StateUnusable,
)
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git
from ansible_collections.acs.builders.tests.writes import send_subject, subjects, waiting


def decline(builders: Builders, text: str) -> Path:
    """Make the remote refuse every push whose mailbox contains a text, and return its hook."""
    hook = builders.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\nread old new ref\n"
        f"if git show \"$new:{MESSAGES}\" | grep -q '{text}'; then echo 'no such words here' >&2; exit 1; fi\n"
    )
    hook.chmod(0o755)
    return hook


def test_what_cannot_be_taken_back_is_not_reported_as_failed(builders: Builders) -> None:
    outbox_file = builders.state("build1") / outbox.OUTBOX_FILE
    hook = decline(builders, "forbidden")
    break_outbox = f"mv '{outbox_file}' '{outbox_file}.kept' && mkdir '{outbox_file}'"
    hook.write_text(hook.read_text().replace("then ", f"then {break_outbox}; "))
    with pytest.raises(StateUnusable, match="whether it will arrive is not known"):
        send_subject(builders, "forbidden")
    hook.unlink()
    outbox_file.rmdir()
    Path(f"{outbox_file}.kept").rename(outbox_file)
    send_subject(builders, "allowed")
    assert subjects(builders) == ["forbidden", "allowed"] and waiting(builders) == []


def test_a_write_to_a_remote_that_is_gone_is_said_to_be_lost(builders: Builders) -> None:
    """The advice of the error works: the set-up writes the new remote to the clone and the fleet file."""

    def set_up(remote: Path) -> None:
        fleet = builders.state("build1") / "fleet.json"
        fleet.write_text(json.dumps({**json.loads(fleet.read_text()), "remote": str(remote)}))
        git("remote", "set-url", "origin", remote, cwd=builders.clone("build1"))

    set_up(builders.remote)
    send_subject(builders, "one")
    moved = builders.remote.rename(builders.folder / "renamed.git")
    with pytest.raises(RemoteMissing, match=r"nothing waits in the outbox: .*builders_remote_url"):
        send_subject(builders, "two")
    assert waiting(builders) == []
    set_up(moved)
    assert send_subject(builders, "two").delivery == "pushed"
