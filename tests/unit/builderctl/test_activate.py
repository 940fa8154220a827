"""Test the command ``builderctl activate``, and what the service reports about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import Cycle
from ansible_collections.acs.builders.plugins.module_utils.builderctl.login import summary
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service_log import ServiceLog
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import (
    Inbox,
    UnreadMessage,
    write_inbox,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders

MESSAGE = UnreadMessage(
    "msg_1", "build2", "request", "normal", "Install jq", "2026-11-22T07:11:46Z", "msg_1", "", "true", True, False
)


def config_of(builders: MemoryBuilders) -> Path:
    """Write the configuration of build1, and return its path."""
    path = builders.folder / "builderctl.json"
    settings = {"repo": builders.clone("build1"), "state_dir": builders.state("build1"), "log_folder": builders.folder}
    path.write_text(json.dumps({name: str(value) for name, value in settings.items()}))
    return path


def test_the_exit_code_is_the_decision(builders: MemoryBuilders, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--config", str(config_of(builders)), "activate"]
    assert main(command) == 1
    assert capsys.readouterr().out == "Not started: no actionable message waits.\n"
    inbox = Inbox("build1", None, "2026-11-22T07:11:50Z", 1, (MESSAGE,))
    write_inbox(StateDirectory(builders.state("build1")), inbox)
    assert main([*command, "--json", "--max-per-hour", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == {"start": True, "ids": ["msg_1"], "reason": "", "notes": []}
    assert main([*command, "--max-per-hour", "1"]) == 1


def test_a_failed_start_needs_attention(builders: MemoryBuilders) -> None:
    path = config_of(builders)
    config = Config(**json.loads(path.read_text()))
    cycle = Cycle(config, ServiceLog(builders.folder / "heartbeat.log"), "2026-11-22T07:11:46Z", 60)
    for result, expected in (("exit-code", True), ("success", False)):
        assert main(["--config", str(path), "activate", "--ended", result]) == 0
        cycle.run()
        with builders.host("build1") as host:
            own = read_health(host)["servers"]["build1"]
        assert own["problems"] == []
        for reported in ("\n".join(own["attention"]), summary(config)):
            assert ("The command of the manager failed" in reported) is expected


def test_an_unusable_record_does_not_stop_the_heartbeat(builders: MemoryBuilders) -> None:
    config = Config(**json.loads(config_of(builders).read_text()))
    (builders.state("build1") / "activation.json").write_text("{")
    Cycle(config, ServiceLog(builders.folder / "heartbeat.log"), "2026-11-22T07:11:46Z", 60).run()
    assert "activation.json is not JSON" in summary(config)
