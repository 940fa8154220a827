"""Test the record that a server acts upon several messages."""

from __future__ import annotations

from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.begin import begin
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import act
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders


def ask(builders: Builders, package: str, sender: str = "build1") -> str:
    """Send a request from a server to the other one and return its id."""
    request = {"action": "install_packages", "packages": [package]}
    with builders.host(sender) as host:
        return str(send(host, Draft("Install", "Please.", "request", request=request)).result[0].id)


def begun(builders: Builders, *ids: str, **options: Any) -> tuple[list[str], dict[str, str]]:
    """Return the messages that a new process of build2 begins to act upon, and those that it must not."""
    with builders.host("build2", **options) as host:
        return begin(host, ids)


def test_each_message_is_begun_once(trusted: Builders) -> None:
    first, second, third = (ask(trusted, name) for name in ("jq", "git", "make"))
    with trusted.host("build2") as host:
        act(host, second)
    assert begun(trusted, first, second, first) == ([first], {})
    assert begun(trusted, first, second, third) == ([third], {})


def test_a_message_that_must_not_be_acted_upon_does_not_affect_the_others(trusted: Builders) -> None:
    own, allowed = ask(trusted, "jq", "build2"), ask(trusted, "jq")
    ids, refused = begun(trusted, own, "msg_unknown", allowed)
    assert ids == [allowed]
    assert "it is not addressed to build2" in refused[own] and "no message 'msg_unknown'" in refused["msg_unknown"]
    assert begun(trusted, allowed) == ([], {})


def test_check_mode_records_nothing(trusted: Builders) -> None:
    asked = ask(trusted, "jq")
    assert begun(trusted, asked, check_mode=True) == ([asked], {})
    assert begun(trusted, asked) == ([asked], {})
