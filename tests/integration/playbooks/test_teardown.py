"""Test the teardown of an embedded server: nothing outside of its folder is removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TASKS, Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders


def tear_down(builders: Builders, **variables: Any) -> Run:
    """Run the play with remove_data=true on build1."""
    extra = json.dumps({"remove_data": True, **variables})
    return ansible("playbook", "playbooks/teardown.yml", "-l", "build1", "-e", extra, folder=builders.folder, **TASKS)


def test_only_what_is_in_the_scratch_folder_is_removed_and_that_once(
    builders: Builders, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other: Path = tmp_path_factory.mktemp("other")
    (other / "kept").write_text("mine\n")
    for variables in (
        {"builders_repo": str(other)},
        {"builders_state_dir": f"{builders.folder}/../{other.name}"},
        {"builders_repo": str(builders.folder)},
    ):
        refused = tear_down(builders, **variables)
        assert refused.code != 0 and "These paths are outside of it" in refused.output, refused.output
    root = tear_down(builders, builders_repo="/", builders_remote_embedded=False)
    assert root.code != 0 and "builders_repo is not an absolute path" in root.output, root.output
    assert (other / "kept").exists() and builders.clone("build1").exists() and builders.state("build1").exists()
    token = other / "PAT"
    token.write_text("token\n")
    done = tear_down(builders, builders_pat_file=str(token))
    assert done.code == 0, done.output
    assert not builders.clone("build1").exists() and not builders.state("build1").exists()
    assert token.exists() and builders.clone("build2").exists()
    again = tear_down(builders, builders_pat_file=str(token))
    assert again.code == 0 and "changed=0" in again.stdout, again.output
