"""Test that each server has a private key, and all have the same trusted keys."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.acs.builders.tests.cluster.beats import beats_again
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from testinfra.host import Host

testinfra_hosts = ["ansible://builders"]

KEY = "/var/lib/acs-builders/signing_key"


def test_the_private_key_is_for_root_alone(host: Host) -> None:
    key = host.file(KEY)
    assert (key.user, key.group, key.mode) == ("root", "root", 0o600)
    assert host.file("/var/lib/acs-builders").mode == 0o700
    assert not host.file(f"{KEY}.new").exists and not host.file(f"{KEY}.new.pub").exists


def test_the_record_is_the_one_of_the_controller(host: Host, rig: Rig, server: dict[str, Any]) -> None:
    text = (rig.folder / "signers.json").read_text()
    assert host.file("/var/lib/acs-builders/signers.json").content_string == text
    valid = {one["server"]: one["key"] for one in json.loads(text)["signers"] if one["valid_until"] is None}
    assert set(valid) == {"build1", "build2"}
    own = host.check_output(f"ssh-keygen -y -f {KEY}")
    assert " ".join(own.split()[:2]) == valid[server["inventory_hostname"]]


def test_both_servers_believe_each_other(host: Host, rig: Rig, server: dict[str, Any]) -> None:
    beats_again(rig, server["builders_partner"])
    seen = json.loads(host.run("builderctl health --json").stdout)["servers"]
    assert {name: seen[name]["verified"] for name in ("build1", "build2")} == {"build1": "true", "build2": "true"}
    ready = json.loads(host.check_output("builderctl read --all --from " + server["builders_partner"] + " --json"))
    assert [one["verified"] for one in ready["messages"] if one["subject"] == "Ready"][-1] == "true"
