"""A send and a list with much of a past against little of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.tests.benchmark.history import (
    add_commits,
    add_past_messages,
    archive_all,
    clone_anew,
)
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, alternate, compared
from ansible_collections.acs.builders.tests.benchmark.scene import core_send, make_scene
from ansible_collections.acs.builders.tests.builders import Builders

LITTLE, MUCH = "little", "much"


def list_unread(builders: Builders) -> None:
    """List the unread messages of the first server."""
    with builders.host("build1") as host:
        list_messages(host, Filter())


def two_scenes(scale: Scale) -> dict[str, Builders]:
    """A scene that is to get little of a past, and one that is to get much."""
    folders = {name: scale.folder / name for name in (LITTLE, MUCH)}
    for folder in folders.values():
        Path(folder).mkdir()
    return {name: make_scene(folder) for name, folder in folders.items()}


def against(scale: Scale, scenes: dict[str, Builders], name: str) -> list[Result]:
    """Compare sends and lists of two scenes."""
    sends = {side: partial(core_send, scene) for side, scene in scenes.items()}
    lists = {side: partial(list_unread, scene) for side, scene in scenes.items()}
    sent = alternate(sends, scale.pick(25, 1))
    listed = alternate(lists, scale.pick(25, 1))
    return [
        compared(f"{name}: send", sent, MUCH, LITTLE, at_most=1.2),
        compared(f"{name}: list", listed, MUCH, LITTLE, at_most=1.2),
    ]


def past_messages(scale: Scale) -> list[Result]:
    """10,000 messages that everyone is done with against 100."""
    scenes = two_scenes(scale)
    numbers = {LITTLE: 100, MUCH: scale.pick(10_000, 150)}
    for side, scene in scenes.items():
        add_past_messages(scene, numbers[side])
        archive_all(scene)
    left = len(scenes[MUCH].messages())
    name = f"{numbers[MUCH]:,} past messages against {numbers[LITTLE]}"
    return [*against(scale, scenes, name), Result(f"{name}: left in the mailbox", left, "")]


def past_commits(scale: Scale) -> list[Result]:
    """100,000 commits against 100."""
    scenes = two_scenes(scale)
    numbers = {LITTLE: 100, MUCH: scale.pick(100_000, 150)}
    for side, scene in scenes.items():
        add_commits(scene.remote, numbers[side])
        clone_anew(scene)
    return against(scale, scenes, f"{numbers[MUCH]:,} commits against {numbers[LITTLE]}")


ROWS = (Row("past messages", past_messages), Row("past commits", past_commits))
