"""Test the comparison of environments, and the message about it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.filter.compare_environments import FilterModule
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.report import environment_message
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import (
    MAX_BODY,
    MAX_DATA,
    Draft,
    check_draft,
)

compare = FilterModule().filters()["compare_environments"]


def environment(kernel: str = "6.1.0", toolchain: Any = None, **versions: str) -> dict[str, Any]:
    """Return the environment of a server with these packages."""
    ok = {"status": "install ok installed", "architecture": "amd64", "installed_at": None}
    packages = {name: {"version": version, **ok} for name, version in versions.items()}
    return {"kernel": kernel, "toolchain": toolchain or {}, "packages": packages}


def check_message(comparison: dict[str, Any]) -> dict[str, Any]:
    """Return the message about a comparison, after a check that the module build_message can send it."""
    message = environment_message(comparison)
    facts = tuple({**fact, "observed_at": None} for fact in message["facts"])
    check_draft(Draft(message["subject"], message["body"], facts=facts, key=message["key"]))
    return message


def test_identical_environments() -> None:
    same = environment(toolchain={"git": "2.39.5"}, bash="5.2")
    compared = compare({"build2": same, "build1": same})
    assert (compared["servers"], compared["identical"]) == (["build1", "build2"], True)
    assert compared["counts"] == {"identical": 3, "differing": 0, "missing": 0}
    both = {"build1": "6.1.0", "build2": "6.1.0"}
    assert compared["kernel"] == {"kernel": {"state": "identical", "versions": both}}
    message = check_message(compared)
    assert message["subject"] == "Environments are identical"
    assert message["body"].endswith("of build1, build2: 3 identical, 0 differing, 0 missing.")


def test_differing_and_missing_entries() -> None:
    one = environment("6.1.0", {"java": "17.0.9", "node": "18.19.0"}, bash="5.2", curl="8.1")
    two = environment("6.1.1", {"java": "17.0.9"}, bash="5.1", curl="8.1")
    two["packages"]["curl"]["status"] = "deinstall ok config-files"
    three = environment("6.1.0", {"java": "17.0.9"}, bash="5.2", make="4.3")
    compared = compare({"build1": one, "build2": two, "build3": three})
    assert not compared["identical"]
    assert compared["counts"] == {"identical": 1, "differing": 2, "missing": 3}
    assert compared["kernel"]["kernel"]["state"] == "differing"
    assert {name: entry["state"] for name, entry in compared["toolchain"].items()} == {
        "java": "identical",
        "node": "missing",
    }
    assert compared["packages"] == {
        "bash": {"state": "differing", "versions": {"build1": "5.2", "build2": "5.1", "build3": "5.2"}},
        "curl": {"state": "missing", "versions": {"build1": "8.1", "build2": None, "build3": None}},
        "make": {"state": "missing", "versions": {"build1": None, "build2": None, "build3": "4.3"}},
    }
    assert json.loads(json.dumps(compared)) == compared
    message = check_message(compared)
    assert message["subject"] == "Environments differ"
    assert "packages curl: build1 8.1, build2 missing, build3 missing" in message["body"].splitlines()
    facts = {fact["name"]: fact["value"] for fact in message["facts"]}
    assert (facts["differing"], facts["missing"]) == (2, 3)
    assert (facts["build1/packages/curl"], facts["build2/packages/curl"]) == ("8.1", "missing")
    assert not [name for name in facts if name.endswith(("/java", "not_listed"))]


@pytest.mark.parametrize(
    ("environments", "error"),
    [
        ({"build1": environment()}, "only build1"),
        ({}, "no server"),
        ([], "not a mapping"),
        ({"build1": environment(), "build2": None}, "build2 has another form"),
        ({"build1": environment(), "build2": {"kernel": "6", "toolchain": {}}}, "build2 has another form"),
    ],
)
def test_invalid_environments(environments: Any, error: str) -> None:
    with pytest.raises(AnsibleFilterError, match=rf"{error}.*at least two servers"):
        compare(environments)


def test_700_packages_on_two_servers() -> None:
    one = {f"package-{number}": f"1.{number}" for number in range(700)}
    two = {f"package-{number}": f"{1 if number < 600 else 2}.{number}" for number in range(10, 710)}
    compared = compare({"build1": environment(**one), "build2": environment(**two)})
    assert compared["counts"] == {"identical": 590 + 1, "differing": 100, "missing": 20}


def test_omitted_entries_are_counted() -> None:
    names = [f"package-ä-{number:05}" for number in range(2000)]
    one, two = environment(**dict.fromkeys(names, "1.0-1")), environment(**dict.fromkeys(names, "2"))
    message = check_message(compare({"build1": one, "build2": two}))
    listed = [line for line in message["body"].splitlines() if line.startswith("packages ")]
    assert message["body"].splitlines()[-1] == f"… and {2000 - len(listed)} more."
    assert MAX_BODY - 400 < len(message["body"]) <= MAX_BODY
    facts = {fact["name"]: fact["value"] for fact in message["facts"]}
    assert facts["not_listed"] == 2000 - (len(facts) - 4) // 2
    assert len(json.dumps(message["facts"])) > MAX_DATA / 2


def test_the_key_is_that_of_the_outcome() -> None:
    def key(version: str) -> str:
        compared = compare({"build1": environment(bash="5.2"), "build2": environment(bash=version)})
        return str(check_message(compared)["key"])

    assert key("5.1") == key("5.1")
    assert len({key("5.1"), key("5.2"), key("5.3")}) == 3
