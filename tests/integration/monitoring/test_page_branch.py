"""Test the branch with the page about the fleet, on a real remote."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import GitFailed, RemoteError
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.page_branch import (
    PAGE_BRANCH,
    Published,
    publish_page,
)
from ansible_collections.acs.builders.tests.ansible_runner import kept_state, succeed
from ansible_collections.acs.builders.tests.builders import Builders, git


def tip(builders: Builders) -> str:
    """Return the commit of the branch, or an empty text without a branch."""
    return git("for-each-ref", "--format=%(objectname)", f"refs/heads/{PAGE_BRANCH}", cwd=builders.remote)


def publish(builders: Builders, page: str, server: str = "build1", **options: bool) -> Published:
    """Publish a page as a server."""
    with builders.host(server, **options) as host:
        return publish_page(host, page)


def test_a_page_is_one_commit_that_the_next_page_replaces(builders: Builders) -> None:
    first = publish(builders, "<p>one ü</p>")
    assert first == Published(True, tip(builders), 1)
    assert publish(builders, "<p>one ü</p>", "build2") == Published(False, first.commit, 0)
    second = publish(builders, "<p>two</p>", "build2")
    assert second.commit == tip(builders) != first.commit
    assert git("rev-list", "--count", PAGE_BRANCH, cwd=builders.remote) == "1"
    assert git("ls-tree", "--name-only", PAGE_BRANCH, cwd=builders.remote).split() == [".nojekyll", "index.html"]
    assert builders.show("index.html", PAGE_BRANCH) == b"<p>two</p>"
    assert git("branch", "--list", "main", cwd=builders.remote) == "", "nothing else is written"
    assert not list(builders.state("build1").glob(".page-*")), "nothing is left behind"


def test_check_mode_publishes_nothing(builders: Builders) -> None:
    assert publish(builders, "one", check_mode=True) == Published(True, None, 0)
    assert tip(builders) == ""
    commit = publish(builders, "one").commit
    assert publish(builders, "one", check_mode=True) == Published(False, commit, 0)


def test_a_branch_with_other_files_is_not_replaced(builders: Builders) -> None:
    builders.commit("notes.txt", b"mine")
    git("branch", PAGE_BRANCH, "main", cwd=builders.remote)
    before = tip(builders)
    with pytest.raises(GitFailed, match=r"has other files \(notes\.txt\)\. It was not replaced\. Rename that branch"):
        publish(builders, "one")
    assert tip(builders) == before


def test_a_remote_that_is_gone(builders: Builders) -> None:
    builders.remote.rename(builders.folder / "gone.git")
    with pytest.raises(RemoteError):
        publish(builders, "one")


def test_the_module(builders: Builders) -> None:
    seen = succeed(builders, "build1", "build_dashboard")
    assert seen["changed"] is False and seen["dashboard"]["conversations"]["total"] == 0
    before = kept_state(builders, "build1")
    would = succeed(builders, "build1", "build_dashboard", page="<p>{{ x }}</p>", check=True)
    assert (would["changed"], would["commit"], tip(builders)) == (True, None, "")
    assert kept_state(builders, "build1") == before
    did = succeed(builders, "build1", "build_dashboard", page="<p>{{ x }}</p>")
    assert (did["changed"], did["branch"], did["commit"]) == (True, PAGE_BRANCH, tip(builders))
    assert "{{ x }}" not in str(did), "the page is not returned"
    again = succeed(builders, "build1", "build_dashboard", page="<p>{{ x }}</p>")
    assert (again["changed"], again["attempts"]) == (False, 0)
