"""Test the journal of pushes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders, make_builders


@dataclass(frozen=True)
class Scene:
    """Two servers that trust each other, and a message from build1 to build2."""

    builders: Builders
    message_id: str


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Return the servers and the message."""
    builders = make_builders(tmp_path_factory.mktemp("state"))
    builders.trust()
    with builders.host("build1") as host:
        message_id = send(host, Draft("Do", "it")).result[0].id
    return Scene(builders, message_id)


def test_the_record_of_pushes_of_another_shape(scene: Scene) -> None:
    path = scene.builders.private("build1").with_suffix(".attempts.json")
    path.write_text('[{"commit": 1}]')
    with scene.builders.host("build1") as host, pytest.raises(StateUnusable, match="has unexpected content"):
        send(host, Draft("Hello", "Hi"))
