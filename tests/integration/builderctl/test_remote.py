"""Test the errors of builderctl for a remote that rejects the token or is missing."""

from __future__ import annotations

import json

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.git_server import git_host
from ansible_collections.acs.builders.tests.waiting import LIMIT


def test_rejecting_or_missing_remote(builders: Builders, capsys: pytest.CaptureFixture[str]) -> None:
    config = builders.folder / "builderctl.json"
    paths = {
        "repo": builders.clone("build1"),
        "state_dir": builders.state("build1"),
        "pat_file": builders.folder / "PAT",
    }
    config.write_text(json.dumps({**{name: str(path) for name, path in paths.items()}, "timeout": LIMIT}))

    def error_of(url: str) -> str:
        git("remote", "set-url", "origin", url, cwd=builders.clone("build1"))
        assert main(["--json", "--config", str(config), "read"]) == 4
        return str(json.loads(capsys.readouterr().out)["error"])

    with git_host(builders.folder, token="secret") as host:
        assert error_of(f"{host.url}/Build.git") == "credential"
    assert error_of(f"{builders.folder}/Other.git") == "remote_missing"
