"""Test the configuration of a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config, load_config


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert load_config(str(tmp_path / "none.json")) == Config()


def test_settings_of_the_file_are_used(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"repo": "/srv/Build", "interval": 5}')
    assert load_config(str(path)) == Config(repo="/srv/Build", interval=5)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("{", "cannot be read"),
        pytest.param("[" * 100_000, "cannot be read", id="arrays without end"),
        ("[]", "not a JSON object"),
        (json.dumps({"intervall": 5}), "unknown setting 'intervall'"),
        (json.dumps({"interval": 0}), "interval cannot be 0"),
        (json.dumps({"interval": True}), "interval cannot be True"),
        (json.dumps({"interval": "5"}), "interval cannot be '5'"),
        (json.dumps({"repo": ""}), "repo cannot be ''"),
        (json.dumps({"publish": "branch"}), "publish cannot be 'branch'"),
        (json.dumps({"archive": "later"}), "archive cannot be 'later'"),
    ],
)
def test_invalid_configuration(tmp_path: Path, content: str, error: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=error):
        load_config(str(path))
