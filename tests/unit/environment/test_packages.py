"""Test which packages may be installed."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.packages import is_allowed


def test_patterns_are_those_of_the_shell_and_match_whole_names() -> None:
    assert is_allowed("libssl-dev", ["lib*-dev"]) and is_allowed("jq", ["git", "jq"])
    assert not is_allowed("libssl-dev-evil", ["lib*-dev"]) and not is_allowed("jq", []) and not is_allowed("jq", ["JQ"])
