"""Test trust between booted servers: verification, forgery, rotation and removal."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import served
from ansible_collections.acs.builders.tests.cluster.beats import beats_again, messages, send
from ansible_collections.acs.builders.tests.cluster.forgery import forge
from ansible_collections.acs.builders.tests.cluster.rig import TOP, Rig


def message_module(rig: Rig, server: str, check: bool = True, **options: Any) -> dict[str, Any]:
    """Run build_message on a server, as a play does, and return its result."""
    done = subprocess.run(
        ["ansible", server, "-m", "build_message", "-a", json.dumps(options)],
        cwd=TOP,
        env={**rig.operator(), **served()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.partition(" => ")[2])
    return result


def verification(rig: Rig, server: str, message_id: str) -> tuple[str, bool, str]:
    """Return the verification of a message on a server."""
    (one,) = json.loads(rig.ssh(server, f"builderctl read --json {message_id}").stdout)["messages"]
    return one["verified"], one["actionable"], one["actionable_reason"]


def ask(rig: Rig, server: str, subject: str) -> str:
    """Send a request to the partner and return its id."""
    request = json.dumps({"action": "facts"})
    return str(send(rig, server, f"send --type request '{subject}' 'Please.' --request '{request}'")["id"])


def keys(rig: Rig) -> list[str]:
    """Return the public keys of both servers, from their private keys."""
    command = "ssh-keygen -y -f /var/lib/acs-builders/signing_key"
    return [" ".join(rig.ssh(server, command).stdout.split()[:2]) for server in ("build1", "build2")]


def record(rig: Rig) -> dict[str, list[dict[str, Any]]]:
    """Return the keys in the record, which must be equal on controller and servers."""
    text = (rig.folder / "signers.json").read_text()
    for server in ("build1", "build2"):
        assert rig.ssh(server, "cat /var/lib/acs-builders/signers.json").stdout == text
    signers = json.loads(text)["signers"]
    return {server: [one for one in signers if one["server"] == server] for server in ("build1", "build2")}


def changes(output: str) -> int:
    """Count the changed tasks."""
    return sum(map(int, re.findall(r"^build\d .*changed=(\d+)", output, re.MULTILINE)))


def test_a_request_is_verified_and_acted_upon_once(rig: Rig) -> None:
    asked = ask(rig, "build1", "Facts please")
    assert verification(rig, "build2", asked)[:2] == ("true", True)
    claimed = message_module(rig, "build2", state="acted", id=asked)
    assert claimed["changed"] and claimed["message"]["request"] == {"action": "facts"}
    assert message_module(rig, "build2", state="acted", id=asked)["changed"] is False
    genuine = next(message for message in messages(rig) if message["id"] == asked)
    unsigned = {name: genuine[name] for name in ("from", "to", "type", "subject", "body", "timestamp", "request")}
    bare, other = f"{asked}_unsigned", f"{asked}_changed"
    changed = {**genuine, "id": other, "request": {"action": "install_packages", "packages": ["evil"]}}
    forge(rig, {**unsigned, "id": bare}, changed, genuine)
    assert verification(rig, "build2", bare)[:2] == ("unsigned", False)
    assert verification(rig, "build2", other)[:2] == ("false", False)
    for forged in (bare, other):
        refused = message_module(rig, "build2", check=False, state="acted", id=forged)
        assert refused["reason"] == "not_actionable"
    assert message_module(rig, "build2", state="acted", id=asked)["changed"] is False, "a replay"
    beats_again(rig, "build2")
    seen = rig.ssh("build2", "builderctl health", check=False).stdout.replace("\n    ", " ")
    assert f"{other} in the name of build1 is not its own" in seen


def test_one_run_gives_one_server_a_new_key(rig: Rig) -> None:
    before, asked = keys(rig), ask(rig, "build1", "Before the new key")
    rig.playbook("playbooks/trust.yml", "--extra-vars", "build_trust_rotate=build1")
    after = keys(rig)
    assert after[0] != before[0] and after[1] == before[1]
    known = record(rig)
    assert [(one["key"], one["valid_until"] is None) for one in known["build1"]][-2:] == [
        (before[0], False),
        (after[0], True),
    ]
    verified, actionable, reason = verification(rig, "build2", asked)
    assert (verified, actionable) == ("true", False) and "not valid now" in reason
    assert verification(rig, "build2", ask(rig, "build1", "After the new key"))[:2] == ("true", True)
    for server in ("build1", "build2"):
        assert beats_again(rig, server)["signature"].startswith("-----BEGIN SSH SIGNATURE-----")
    assert changes(rig.playbook("playbooks/trust.yml")[1]) == 0


def test_one_run_without_a_server_ends_its_trust(rig: Rig, tmp_path: Path) -> None:
    asked = ask(rig, "build2", "Before the removal")
    inventory = json.loads((rig.folder / "inventory.yml").read_text())
    del inventory["builders"]["hosts"]["build2"]
    inventory["builders"]["hosts"]["build1"]["builders_partner"] = ""
    inventory["builders"]["vars"]["builders_trust_file"] = str(rig.folder / "signers.json")
    (tmp_path / "inventory.json").write_text(json.dumps(inventory))
    rig.playbook("playbooks/trust.yml", "--inventory", str(tmp_path / "inventory.json"))
    try:
        late = ask(rig, "build2", "After the removal")
        for message_id, expected in ((asked, "true"), (late, "false")):
            verified, actionable, reason = verification(rig, "build1", message_id)
            assert (verified, actionable) == (expected, False) and "valid" in reason
        back = rig.playbook("playbooks/trust.yml", check=False)
        assert back[0] != 0 and "build_trust_rotate=build2" in back[1]
    finally:
        rig.playbook("playbooks/trust.yml", "--extra-vars", "build_trust_rotate=build2")
    assert [one["valid_until"] is None for one in record(rig)["build2"]][-2:] == [False, True]
    assert verification(rig, "build1", ask(rig, "build2", "Back again"))[:2] == ("true", True)
    for server in ("build1", "build2"):
        beats_again(rig, server)


@pytest.mark.parametrize("server", ["build1", "build2"])
def test_no_private_key_has_left_its_host(rig: Rig, server: str) -> None:
    lines = rig.ssh(server, "grep -v -- ----- /var/lib/acs-builders/signing_key").stdout.split()
    found = subprocess.run(
        ["grep", "-rlF", "--exclude-dir=upper", "--exclude-dir=root", "--exclude-dir=work", lines[-2], str(rig.folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
