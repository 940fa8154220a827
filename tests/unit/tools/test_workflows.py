"""Test that the workflows run the sanity tests with each ansible-core that has an ignore file."""

from __future__ import annotations

from pathlib import Path

import yaml

TOP = Path(__file__).resolve().parents[3]


def test_each_ansible_core_has_a_list() -> None:
    jobs = yaml.safe_load((TOP / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    cores = [entry["core"] for entry in jobs["core"]["strategy"]["matrix"]["include"]]
    assert len(cores) > 4
    lists = [path.stem.removeprefix("ignore-") for path in (TOP / "tests" / "sanity").glob("ignore-*.txt")]
    assert sorted(lists) == sorted(cores)
