"""Test that the role build_manager installs the versions that the command and the tests use."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.acs.builders.plugins.module_utils.builderctl import mcp
from ansible_collections.acs.builders.plugins.plugin_utils.mcp_settings import COMMAND

TOP = Path(__file__).resolve().parents[3]
ROLE = yaml.safe_load((TOP / "roles/build_manager/vars/main.yml").read_text())


def test_the_sdk_is_the_one_that_the_command_uses() -> None:
    assert ROLE["build_manager_mcp_folder"] == mcp.ENVIRONMENT
    assert ROLE["build_manager_mcp_version"].split(".", maxsplit=1)[0] == mcp.MAJOR_VERSION
    assert ROLE["build_manager_builderctl"] == COMMAND


def test_the_sdk_is_the_one_that_the_tests_use() -> None:
    assert f"mcp=={ROLE['build_manager_mcp_version']}" in (TOP / "requirements-dev.txt").read_text().splitlines()
