"""Test the module build_files: it creates and corrects folders, files and links, and predicts that in check mode."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.tests.ansible_runner import TOP, Run, environment, module_command, serve


def place(folder: Path, check: bool = False, **options: Any) -> Run:
    """Run the module in a folder, with differences."""
    variables = environment(folder / "home", PYTHONPATH=TOP / "collections")
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    stdin = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    return serve(*module_command("build_files")[1:], cwd=folder, variables=variables, stdin=stdin)


def wanted(folder: Path) -> dict[str, Any]:
    """Return the options for a folder, a file and a link in it."""
    return {
        "folders": [{"path": str(folder / "a" / "b"), "mode": "0750"}],
        "files": [{"path": str(folder / "a" / "b" / "file"), "content": "{\n \u00e9\n}\n", "mode": "0640"}],
        "links": [{"path": str(folder / "link"), "target": "a/b/file"}],
    }


def paths(folder: Path) -> list[str]:
    """Return the paths in these options."""
    return [entry["path"] for kind in wanted(folder).values() for entry in kind]


def mode(path: Path) -> int:
    """Return the mode of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_it_creates_what_is_missing_once(tmp_path: Path) -> None:
    checked = place(tmp_path, check=True, **wanted(tmp_path)).result
    assert not (tmp_path / "a").exists() and not (tmp_path / "link").is_symlink()
    done = place(tmp_path, **wanted(tmp_path)).result
    assert checked["paths"] == done["paths"] == paths(tmp_path)
    assert checked["changed"] and done["changed"]
    assert (tmp_path / "link").read_text(encoding="utf-8") == "{\n \u00e9\n}\n"
    assert mode(tmp_path / "a" / "b") == 0o750 and mode(tmp_path / "a" / "b" / "file") == 0o640
    again = place(tmp_path, **wanted(tmp_path)).result
    assert (again["changed"], again["paths"], again["diff"]) == (False, [], [])


def test_it_corrects_what_differs_and_shows_how(tmp_path: Path) -> None:
    place(tmp_path, **wanted(tmp_path))
    file, link = tmp_path / "a" / "b" / "file", tmp_path / "link"
    file.write_text("old\n")
    file.chmod(0o600)
    link.unlink()
    link.write_text("a file")
    checked = place(tmp_path, check=True, **wanted(tmp_path)).result
    assert (file.read_text(), mode(file), link.read_text()) == ("old\n", 0o600, "a file")
    done = place(tmp_path, **wanted(tmp_path)).result
    assert checked["paths"] == done["paths"] == [str(file), str(link)]
    assert checked["diff"] == done["diff"]
    text, access, target = done["diff"]
    assert (text["before"], text["after"]) == ("old\n", "{\n \u00e9\n}\n")
    assert (access["before"], access["after"]) == ({"mode": "0600"}, {"mode": "0640"})
    assert target["after"] == {"target": "a/b/file"}
    assert (mode(file), link.read_text(encoding="utf-8")) == (0o640, "{\n \u00e9\n}\n")


def test_what_cannot_be_installed_fails_with_its_path(tmp_path: Path) -> None:
    cases: tuple[dict[str, Any], ...] = (
        {"folders": [{"path": "/dev/null/folder", "mode": "0755"}]},
        {"files": [{"path": str(tmp_path), "content": "", "mode": "0644"}]},
        {"links": [{"path": str(tmp_path), "target": "x"}]},
    )
    for options in cases:
        done = place(tmp_path, **options)
        (entry,) = next(iter(options.values()))
        assert done.code != 0 and done.result["msg"].startswith(f"{entry['path']} cannot be installed: "), done.output
