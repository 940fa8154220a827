"""Test that the fleet file of a valid inventory can be read, and that an invalid one writes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.filter.fleet_record import fleet_record
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.fleet import Server, load_fleet
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory

GOOD = {"id": "build1", "hostname": "ll-Builder1.example", "ip": "192.0.2.1", "manager": "Codex", "partner": ""}
URL = "https://git.example/Build.git"


def member(**more: Any) -> dict[str, Any]:
    """Return a server as in the inventory."""
    return {**GOOD, **more}


def test_record_can_be_loaded(state: StateDirectory) -> None:
    servers = [member(partner="build2"), {"id": "build2", "ip": "2001:db8::2", "manager": None}]
    record = fleet_record(servers, URL)
    (state.make() / "fleet.json").write_text(json.dumps(record))
    fleet = load_fleet(state)
    assert (fleet.remote, fleet.expected) == (URL, True)
    assert fleet.servers == (
        Server("build1", "ll-Builder1.example", "192.0.2.1", "Codex", "build2"),
        Server("build2", ip="2001:db8::2"),
    )


def test_the_operator_is_a_member_of_its_own_kind(state: StateDirectory) -> None:
    record = fleet_record([GOOD, {"id": "operator", "kind": "operator"}], URL)
    (state.make() / "fleet.json").write_text(json.dumps(record))
    assert load_fleet(state).servers[1] == Server("operator", kind="operator")
    assert "kind" not in record["servers"][0], "a server has a kind"
    with pytest.raises(AnsibleFilterError, match="builders_partner, 'operator', is not another host"):
        fleet_record([member(partner="operator"), {"id": "operator", "kind": "operator"}], URL)


@pytest.mark.parametrize(
    "url",
    ["", "/srv/a b/Build.git", "git@git.example:Build.git", "ssh://git@git.example/Build.git", "file:///srv/x", URL],
)
def test_good_remotes(url: str) -> None:
    assert fleet_record([GOOD], url)["remote"] == url


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"id": "build_3"}, "'build_3' is not a server id. A server id has at most 32 lower-case letters"),
        ({"id": "Build1"}, "'Build1' is not a server id."),
        ({"id": "docs"}, "'docs' is a reserved word."),
        ({"hostname": "two words"}, "build1: builders_hostname, 'two words', is not a host name."),
        ({"ip": "10.1.3"}, "build1: builders_ip, '10.1.3', is not an IP address."),
        ({"ip": "10.1.3.175/24"}, "is not an IP address."),
        ({"manager": "Codex\nand others"}, "build1: builders_manager is not one line"),
        ({"partner": "build7"}, "build1: builders_partner, 'build7', is not another host"),
        ({"partner": "build1"}, "build1: builders_partner, 'build1', is not another host"),
        ({"id": "everyone"}, "'everyone' is a reserved word."),
        ({"id": "operator"}, "operator: The name operator is that of the one host in the inventory group operators"),
        ({"kind": "operator"}, "build1: The name operator is that of the one host in the inventory group operators"),
        ({"kind": "printer"}, "build1: The kind 'printer' is not operator, and not empty."),
    ],
)
def test_invalid_value_is_rejected_with_its_variable(more: dict[str, Any], expected: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        fleet_record([member(**more)], URL)
    assert expected in str(caught.value) and "Nothing was written" in str(caught.value)


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(AnsibleFilterError, match=r"same builders_hostname, one\. build1: builders_ip.*'build_3'"):
        fleet_record([member(id="build_3", hostname="One"), member(ip="x", hostname="one.example")][::-1], URL)


@pytest.mark.parametrize(
    "url",
    ["htps://git.example/x", "ext::sh -c id", "https::x", " https://git.example/x", "-x", "https:///x", "https://a/\n"],
)
def test_a_remote_that_git_could_not_use_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(AnsibleFilterError, match="builders_remote_url") as caught:
        fleet_record([GOOD], url)
    assert url.strip() not in str(caught.value)
