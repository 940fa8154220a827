"""Test the facts that a server gathers from its host for answers."""

from __future__ import annotations

from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.gather import gather
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.plan import Rules, plan
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.builders import Builders


def gathered(builders: Builders) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the facts of each answer of build2, and the data that they come from."""
    clone = str(builders.clone("build2"))
    with builders.host("build2") as host:
        steps, found = gather(host, plan(host, Rules(paths=[clone])), [clone])
    return [{fact["name"]: fact["value"] for fact in step.facts} for step in steps], found


def ask(builders: Builders, subject: str, **request: Any) -> None:
    """Send a request from build1."""
    with builders.host("build1") as host:
        send(host, Draft(subject, "Please.", "request", request=request or None))


def test_nothing_is_gathered_without_an_answer(trusted: Builders) -> None:
    ask(trusted, "Coffee?")
    assert gathered(trusted) == ([{}], {})


def test_the_requested_packages_the_commits_and_the_status_are_gathered(trusted: Builders) -> None:
    with trusted.host("build2") as host:
        write_status(host, Report("idle"))
    ask(trusted, "Facts", action="facts", query=["package"], package=["git", "acs-no-such-package"])
    ask(trusted, "Check", action="check_packages", packages=["make"])
    ask(trusted, "Status check")
    (facts, none, status), found = gathered(trusted)
    assert list(facts) == ["git", "git status", "acs-no-such-package", "acs-no-such-package status"] and none == {}
    assert (
        (facts["acs-no-such-package"], status["status"])
        == ("not installed", "idle")
        == ("not installed", found["status"]["status"])
    )
    assert set(found["environment"]["packages"]) <= {"git"}
    assert found["environment"]["kernel"] and set(found["environment"]["commits"]) <= {str(trusted.clone("build2"))}
