"""Test the command builderctl guide, which prints docs/agents.md with the values of this server."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.builderctl.guide import PAGES, values
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import load_config
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders

KNOWN = {
    "MESSAGE_ID",
    "COMMAND",
    "BODY",
    "TEXT",
    "LLM",
    "HEAD",
    "JSON",
    "NOT",
    "FROM",
    "ITS",
    "SENDER",
    "ID",
    "SUBJECT",
}
"""Words in capital letters that the manager replaces, or that the commands print."""


def test_guide_has_everything_of_this_server(builders: MemoryBuilders, capsys: pytest.CaptureFixture[str]) -> None:
    paths = {name: f"/srv/{name}" for name in ("repo", "pat_file", "log_folder")}
    config = builders.folder / "config.json"
    config.write_text(json.dumps({**paths, "state_dir": str(builders.state("build2"))}))
    page = next(path for path in PAGES if path.is_file()).read_text(encoding="utf-8")
    meanings = values(load_config(str(config)))
    assert (meanings["SERVER_ID"], meanings["PARTNER_ID"]) == ("build2", "build1")
    assert all(re.search(rf"\b{name}\b", page) for name in meanings), "the page lacks a placeholder"
    assert main(["guide", "--config", str(config)]) == 0
    guide = capsys.readouterr().out
    assert all(meaning in guide for meaning in meanings.values())
    assert max(map(len, guide.splitlines())) <= 80
    assert set(re.findall(r"\b[A-Z][A-Z_]+\b", guide)) <= KNOWN
    assert not any(text in guide for text in ("/PAT", "/root/Build ", "$(cat ", "ll-ACSBuilder"))
