"""Test two servers on this machine: messages, trust, and files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://builders"]


@pytest.fixture(scope="module")
def server(host: Host) -> dict[str, Any]:
    """Return the variables of a server; ``inventory_hostname`` is its id."""
    names = ("inventory_hostname", "builders_scratch", "builders_repo", "builders_state_dir", "builders_partner")
    found: dict[str, Any] = host.ansible("debug", json.dumps({"msg": {name: f"{{{{ {name} }}}}" for name in names}}))[
        "msg"
    ]
    return found


def message(host: Host, server: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Run build_message on a server and return its result."""
    places = {"repo": server["builders_repo"], "state_dir": server["builders_state_dir"]}
    result: dict[str, Any] = host.ansible("acs.builders.build_message", json.dumps({**places, **options}), check=False)
    assert not result.get("failed"), result
    return result


def mailbox(host: Host, server: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages on the remote."""
    shown = host.check_output("git -C %s/Build.git show main:coordination/messages.json", server["builders_scratch"])
    entries: list[dict[str, Any]] = json.loads(shown)["messages"]
    return entries


def test_the_clone_is_on_main_and_clean(host: Host, server: dict[str, Any]) -> None:
    repo = server["builders_repo"]
    assert host.file(f"{repo}/.git").is_directory
    assert host.check_output("git -C %s symbolic-ref HEAD", repo) == "refs/heads/main"
    assert host.check_output("git -C %s status --short", repo) == ""
    assert host.check_output("git -C %s remote get-url origin", repo) == f"{server['builders_scratch']}/Build.git"


def test_the_clone_knows_whose_it_is(host: Host, server: dict[str, Any]) -> None:
    for name, value in (("name", "{}"), ("email", "{}@localhost")):
        found = host.check_output("git -C %s config --local user.%s", server["builders_repo"], name)
        assert found == value.format(server["inventory_hostname"])


def test_the_remote_is_bare_and_begins_with_main(host: Host, server: dict[str, Any]) -> None:
    remote = f"{server['builders_scratch']}/Build.git"
    assert host.check_output("git -C %s rev-parse --is-bare-repository", remote) == "true"
    assert host.check_output("git -C %s symbolic-ref HEAD", remote) == "refs/heads/main"


def test_the_server_knows_who_it_is(host: Host, server: dict[str, Any]) -> None:
    state = host.file(server["builders_state_dir"])
    assert (state.is_directory, state.mode) == (True, 0o700)
    assert host.file(f"{server['builders_state_dir']}/server_id").content_string.strip() == server["inventory_hostname"]


def test_the_fleet_file_names_both_servers_and_the_operator(host: Host, server: dict[str, Any]) -> None:
    fleet = json.loads(host.file(f"{server['builders_state_dir']}/fleet.json").content_string)
    expected = [("build1", "Codex", "build2"), ("build2", "GitHub Copilot", "build1"), ("operator", "", "")]
    assert [(member["id"], member["manager"], member["partner"]) for member in fleet["servers"]] == expected
    assert all(one["hostname"] == one["id"] and one["ip"] == "127.0.0.1" for one in fleet["servers"][:2])
    assert fleet["servers"][2]["kind"] == "operator"


def test_a_message_arrives_at_the_partner_and_is_read_there(host: Host, server: dict[str, Any]) -> None:
    own = server["inventory_hostname"]
    sent = message(host, server, state="sent", subject="Hello", body=f"{own} is here.", key=f"verify-{own}")
    assert sent["message"]["to"] == server["builders_partner"]
    assert [entry["id"] for entry in mailbox(host, server) if entry["from"] == own] == [sent["message"]["id"]]
    partner = {
        name: server[name].replace(f"/{own}/", f"/{server['builders_partner']}/")
        for name in ("builders_repo", "builders_state_dir")
    }
    inbox = message(host, partner)
    assert [(entry["from"], entry["body"]) for entry in inbox["messages"]] == [(own, f"{own} is here.")]
    assert message(host, partner, state="read")["ids"] == [sent["message"]["id"]]
    readers = [entry["read_by"] for entry in mailbox(host, server) if entry["from"] == own]
    assert readers == [[server["builders_partner"]]]


def test_nothing_of_theirs_is_outside(host: Host, server: dict[str, Any]) -> None:
    written = host.run(
        "find /etc/build_server_id /etc/acs-builders /var/lib/acs-builders /root/Build -newer %s/Build.git/HEAD",
        server["builders_scratch"],
    )
    assert written.stdout == ""


def test_the_servers_trust_each_other(host: Host, server: dict[str, Any]) -> None:
    key = host.file(f"{server['builders_state_dir']}/signing_key")
    assert (key.is_file, key.mode) == (True, 0o600)
    record = host.file(f"{server['builders_scratch']}/signers.json").content_string
    assert host.file(f"{server['builders_state_dir']}/signers.json").content_string == record
    assert {one["server"] for one in json.loads(record)["signers"]} == {"build1", "build2", "operator"}
