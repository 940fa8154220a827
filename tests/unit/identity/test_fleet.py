"""Test the servers of the fleet, and the id of this server."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    IdentityMismatch,
    InvalidInput,
    StateUnusable,
    UnknownServer,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import fleet as fleet_module
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.fleet import (
    RESERVED,
    Fleet,
    Server,
    check_server_id,
    identify,
    is_server_id,
    load_fleet,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory

WriteFleet = Callable[[Path, Any], None]
TWO = Fleet((Server("build1", partner="build2"), Server("build2", partner="build1")), expected=True)
THREE = Fleet(tuple(Server(f"build{number}") for number in (3, 1, 2)), expected=True)
HOSTS = Fleet((Server("build1", "ll-Builder1"), Server("build2", "ll-builder2.example.com")), expected=True)


@pytest.mark.parametrize("value", ["a", "build1", "b-1-x", "a" * 32])
def test_good_ids(value: str) -> None:
    assert is_server_id(value)
    assert check_server_id(value) == value


@pytest.mark.parametrize(
    "value",
    [
        *("", "1a", "-a", "Build1", "a" * 33, "a_b", "a b", "a.b", "a\n", "ä", "../etc", "a/b", "/root", ".", ".."),
        *("build1/../build2", "refs/heads/x", "*", "a\0"),
    ],
)
def test_bad_ids(value: str) -> None:
    assert not is_server_id(value)
    with pytest.raises(InvalidInput, match="is not a server id") as caught:
        check_server_id(value)
    assert "build1" in caught.value.remedy


@pytest.mark.parametrize("value", sorted(RESERVED))
def test_reserved_words(value: str) -> None:
    assert not is_server_id(value)
    with pytest.raises(InvalidInput, match="reserved word"):
        check_server_id(value)


def test_the_reserved_words_are_those_of_the_protocol() -> None:
    assert set(RESERVED) == {"all", "everyone", "system", "coordination", "scripts", "docs", "shared", "messages"}


@pytest.mark.parametrize("value", [None, 1, True, ["build1"], {}])
def test_other_types_are_not_server_ids(value: Any) -> None:
    assert not is_server_id(value)


def test_a_recipient_must_be_in_the_fleet() -> None:
    assert TWO.check_recipient("build2") == "build2"
    with pytest.raises(UnknownServer, match="no server build3") as caught:
        TWO.check_recipient("build3")
    assert "build1, build2" in caught.value.remedy
    with pytest.raises(InvalidInput):
        TWO.check_recipient("../build2")


def test_without_a_fleet_file_any_id_is_a_recipient() -> None:
    assert Fleet().check_recipient("build9") == "build9"
    with pytest.raises(InvalidInput):
        Fleet().check_recipient("messages")


def test_empty_fleet_has_no_servers() -> None:
    with pytest.raises(UnknownServer):
        Fleet(expected=True).check_recipient("build1")


def test_ids_of_the_fleet() -> None:
    """The fleet file is the only list. Without one, the servers seen in the repository are the fleet."""
    assert THREE.ids(seen=["build9"]) == ["build1", "build2", "build3"]
    assert Fleet().ids(seen=["b", "a", "b"]) == ["a", "b"]
    assert THREE.get("build2") == Server("build2")
    assert Fleet().get("build9") == Server("build9")


def test_the_operator_is_a_member_and_no_server() -> None:
    fleet = Fleet((*TWO.servers, Server("operator", kind="operator")), expected=True)
    assert (fleet.ids(), fleet.members()) == (["build1", "build2"], ["build1", "build2", "operator"])
    assert fleet.check_recipient("operator") == "operator" and fleet.has_recipient("operator")
    assert Fleet((Server("build1"), *fleet.servers[2:]), True).default_recipient("operator") == "build1"
    assert Fleet().ids(seen=["build1", "operator"]) == ["build1"]
    with pytest.raises(UnknownServer, match="The fleet has no operator") as caught:
        TWO.check_recipient("operator")
    assert "group operators" in caught.value.remedy


def test_the_default_recipient() -> None:
    """It is the partner, otherwise the only other server."""
    assert TWO.default_recipient("build1") == "build2"
    assert Fleet((Server("a"), Server("b")), True).default_recipient("b") == "a"
    assert Fleet().default_recipient("a", seen=["a", "b"]) == "b"
    partners = Fleet((Server("a", partner="c"), Server("b"), Server("c")), True)
    assert partners.default_recipient("a") == "c"


@pytest.mark.parametrize(
    ("fleet", "seen", "choices"),
    [
        (THREE, [], "build2, build3, all"),
        (Fleet((Server("build1"),), True), [], ": all."),
        (Fleet(), ["build1"], ": all."),
    ],
)
def test_no_default_recipient(fleet: Fleet, seen: list[str], choices: str) -> None:
    with pytest.raises(InvalidInput, match="build1 has no partner") as caught:
        fleet.default_recipient("build1", seen)
    assert choices in caught.value.remedy


def test_a_partner_that_the_fleet_does_not_have_gets_no_mail() -> None:
    with pytest.raises(UnknownServer):
        Fleet((Server("build1", partner="bulid2"), Server("build2")), True).default_recipient("build1")


def test_reading_the_fleet_file(state: StateDirectory, system_files: Path, write_fleet: WriteFleet) -> None:
    """The file in the state directory precedes the one in /etc; without both, no server is expected."""
    assert load_fleet(state) == Fleet()
    write_fleet(system_files, [{"id": "build7", "manager": None, "public_keys": ["x"]}])
    assert load_fleet(state) == Fleet((Server("build7"),), expected=True)
    member = {"id": "build1", "hostname": "h", "ip": "192.0.2.1", "manager": "Codex", "partner": "build2"}
    write_fleet(state.path, [member])
    assert load_fleet(state) == Fleet((Server("build1", "h", "192.0.2.1", "Codex", "build2"),), expected=True)


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "null", "{}", '{"servers": 1}', '{"servers": null}', '{"servers": ["build1"]}'),
        *('{"servers": [{"hostname": "x"}]}', '{"servers": [{"id": "Build1"}]}', '{"servers": [{"id": "all"}]}'),
        *('{"servers": [{"id": 1}]}', '{"servers": [["id"]]}', '{"servers": {"build1": {"id": "build1"}}}'),
        pytest.param("[" * 100_000, id="arrays without end"),
    ],
)
def test_invalid_fleet_file(state: StateDirectory, system_files: Path, write_fleet: WriteFleet, content: str) -> None:
    """The file in /etc does not replace it."""
    write_fleet(system_files, [{"id": "build1"}])
    write_fleet(state.path, content)
    with pytest.raises(StateUnusable, match="is not a fleet file") as caught:
        load_fleet(state)
    assert str(state.path / "fleet.json") in caught.value.what
    assert "setup" in caught.value.remedy


def test_a_fleet_file_that_cannot_be_read(state: StateDirectory, system_files: Path) -> None:
    (state.path / "fleet.json").mkdir(parents=True)
    with pytest.raises(StateUnusable, match="cannot be read"):
        load_fleet(state)
    (state.path / "fleet.json").rmdir()
    (state.path / "fleet.json").write_bytes(b'{"servers": [{"id": "build1", "manager": "\xff"}]}')
    with pytest.raises(StateUnusable, match="is not a fleet file"):
        load_fleet(state)


def configure_identity(
    monkeypatch: pytest.MonkeyPatch, state: StateDirectory, own: str | None, system: str | None, hostname: str
) -> None:
    """Set the sources of the identity: the two files, where None means missing, and the host name."""
    state.make()
    for path, content in ((state.path / "server_id", own), (Path(fleet_module.SYSTEM_ID_FILE), system)):
        if content is not None:
            path.write_text(content)
    monkeypatch.setattr(fleet_module.machine, "hostname", lambda: hostname)


@pytest.mark.usefixtures("system_files")
@pytest.mark.parametrize(
    ("own", "system", "hostname", "given", "expected"),
    [
        ("build5\n", "build6\n", "ll-builder1", None, "build5"),
        ("build5", "build6", "ll-builder1", "build5", "build5"),
        (None, "build6\n", "ll-builder1", None, "build6"),
        (None, "build6", "ll-builder1", "build6", "build6"),
        (None, None, "ll-builder1", None, "build1"),
        (None, None, "LL-Builder1.example.org", None, "build1"),
        (None, None, "ll-builder2", "build2", "build2"),
        (None, None, "elsewhere", "build9", "build9"),
    ],
)
def test_identify_reads_sources_in_order(
    monkeypatch: pytest.MonkeyPatch,
    state: StateDirectory,
    own: str | None,
    system: str | None,
    hostname: str,
    given: str | None,
    expected: str,
) -> None:
    """The order is: state directory, /etc, host name in the fleet file. A given id must be the same."""
    configure_identity(monkeypatch, state, own, system, hostname)
    assert identify(HOSTS, state, given) == expected


@pytest.mark.usefixtures("system_files")
@pytest.mark.parametrize(
    ("own", "system", "hostname", "given", "source"),
    [
        ("build5", None, "elsewhere", "build6", "state/server_id"),
        ("build5", "build6", "elsewhere", "build6", "state/server_id"),
        (None, "build6", "ll-builder1", "build1", "etc/build_server_id"),
        (None, None, "ll-builder1", "build2", "the host name ll-Builder1"),
    ],
)
def test_identify_rejects_id_of_another_server(
    monkeypatch: pytest.MonkeyPatch,
    state: StateDirectory,
    own: str | None,
    system: str | None,
    hostname: str,
    given: str,
    source: str,
) -> None:
    configure_identity(monkeypatch, state, own, system, hostname)
    with pytest.raises(IdentityMismatch, match=f"cannot write in the name of {given}") as caught:
        identify(HOSTS, state, given)
    assert source in caught.value.what


@pytest.mark.usefixtures("system_files")
def test_identify_without_any_id(state: StateDirectory) -> None:
    with pytest.raises(IdentityMismatch, match="is not configured") as caught:
        identify(HOSTS, state)
    assert re.search("/state/server_id .*option server_id.*setup.yml", caught.value.remedy)


def test_another_state_directory_never_looks_into_etc(tmp_path: Path, system_files: Path) -> None:
    (system_files / "build_server_id").write_text("build6")
    with pytest.raises(IdentityMismatch):
        identify(HOSTS, StateDirectory(tmp_path / "embedded"))


@pytest.mark.usefixtures("system_files")
@pytest.mark.parametrize("own", ["", "\n", "Build1", "../build1", "all", "build1\nbuild2"])
def test_a_malformed_id_in_a_file(monkeypatch: pytest.MonkeyPatch, state: StateDirectory, own: str) -> None:
    configure_identity(monkeypatch, state, own, "build6", "ll-builder1")
    with pytest.raises(InvalidInput):
        identify(HOSTS, state)


@pytest.mark.usefixtures("system_files")
@pytest.mark.parametrize("given", ["", "Build1", "../build1", "all"])
def test_a_malformed_id_that_is_given(state: StateDirectory, given: str) -> None:
    with pytest.raises(InvalidInput):
        identify(HOSTS, state, given)


@pytest.mark.usefixtures("system_files")
def test_an_id_file_that_cannot_be_read(state: StateDirectory) -> None:
    (state.path / "server_id").mkdir(parents=True)
    with pytest.raises(StateUnusable, match="cannot be read"):
        identify(HOSTS, state)
    (state.path / "server_id").rmdir()
    (state.path / "server_id").write_bytes(b"\xff")
    with pytest.raises(StateUnusable, match="cannot be read"):
        identify(HOSTS, state)


FLEET = Fleet(
    (
        Server("build1", hostname="LL-ACSBuilder1.example.com"),
        Server("build2", hostname="ll-acsbuilder2"),
        Server("build3", hostname="twin.one.example.com"),
        Server("build4", hostname="twin.two.example.com"),
    ),
    expected=True,
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("build2", ["build2"]), (" Build2\t", ["build2"]), ("ALL", ["all"]), ("All ", ["all"])),
        ("LL-ACSBuilder2", ["build2"]),
        ("ll-acsbuilder2.example.com", ["build2"]),
        ("BUILD1.example.com", ["build1"]),
        *(("ll-acsbuilder1", ["build1"]), ("twin.two.example.com", ["build4"]), ("twin", ["twin"])),
        (["build1", "Build2 "], ["build1", "build2"]),
        ("build1, build2", ["build1", "build2"]),
        *(([["build1"]], []), (None, []), (7, []), ("", []), ({}, []), (["build1", 3], ["build1"]), ("system", [])),
    ],
    ids=str,
)
def test_whom_a_recipient_means(written: Any, meant: list[str]) -> None:
    assert sorted(FLEET.recipients(written)) == meant
    assert FLEET.has_recipient(written) is bool(set(meant) - {"twin"})
