"""Signatures are checked in portions: a look that was interrupted goes on where it was."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_document import MAX_ENTRIES
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import verification
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import is_signed_by
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.verification import (
    FALSE,
    MAX_REMEMBERED,
    Verifier,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders


class Killed(BaseException):
    """The process ended in the middle of it, as the watchdog ends a service."""


def test_as_many_are_remembered_as_a_mailbox_holds() -> None:
    assert MAX_REMEMBERED > MAX_ENTRIES


def test_a_look_that_was_interrupted_goes_on_where_it_was(builders: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    builders.trust()
    with builders.host("build1") as host:
        (entry,) = send(host, Draft("Hello", "Hi")).result
    forged = [({**entry, "body": f"{number}"}, "build1") for number in range(35)]
    monkeypatch.setattr(verification, "BATCH", 10)
    checked: list[Any] = []
    patience = 24

    def check(document: dict[str, Any], key: str, namespace: str) -> bool:
        if len(checked) >= patience:
            raise Killed
        checked.append(document)
        return is_signed_by(document, key, namespace)

    monkeypatch.setattr(verification, "is_signed_by", check)
    with builders.host("build2") as host, pytest.raises(Killed):
        Verifier(host).verify(forged)
    del checked[:]
    with builders.host("build2") as host:
        assert {verdict.verified for verdict in Verifier(host).verify(forged)} == {FALSE}
    assert len(checked) <= 15
