"""Operations with a long history compared with a short one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.benchmark.history import (
    add_commits,
    add_past_messages,
    archive_all,
    renew_clones,
)
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, alternate, compared
from ansible_collections.acs.builders.tests.benchmark.rows_curve import OPERATIONS
from ansible_collections.acs.builders.tests.benchmark.scene import BODY, make_scene
from ansible_collections.acs.builders.tests.builders import Builders

LITTLE, MUCH = "little", "much"


def operate(builders: Builders, name: str, ids: Iterator[str]) -> None:
    """Run an operation on the first server, with the next id."""
    with builders.host("build1") as host:
        OPERATIONS[name](host, next(ids))


def unread(builders: Builders, number: int) -> Iterator[str]:
    """Send messages to the first server, and return their ids."""
    with builders.host("build2") as host:
        return iter([send(host, Draft(f"Unread {one}", BODY), ["build1"]).result[0].id for one in range(number)])


def two_scenes(scale: Scale) -> dict[str, Builders]:
    """Create a scene for a short history, and one for a long history."""
    folders = {name: scale.folder / name for name in (LITTLE, MUCH)}
    for folder in folders.values():
        Path(folder).mkdir()
    return {name: make_scene(folder) for name, folder in folders.items()}


def compare_scenes(scale: Scale, scenes: dict[str, Builders], name: str, operations: tuple[str, ...]) -> list[Result]:
    """Compare operations of two scenes."""
    rounds = scale.pick(25, 1)
    ids = {side: unread(scene, (rounds + 1) * len(operations)) for side, scene in scenes.items()}
    results = []
    for operation in operations:
        sides = {side: partial(operate, scene, operation, ids[side]) for side, scene in scenes.items()}
        results.append(compared(f"{name}: {operation}", alternate(sides, rounds), MUCH, LITTLE, at_most=1.2))
    return results


def past_messages(scale: Scale) -> list[Result]:
    """Compare operations with 10,000 old messages and with 100."""
    scenes = two_scenes(scale)
    numbers = {LITTLE: 100, MUCH: scale.pick(10_000, 150)}
    for side, scene in scenes.items():
        add_past_messages(scene, numbers[side])
        archive_all(scene)
    left = len(scenes[MUCH].messages())
    name = f"{numbers[MUCH]:,} past messages against {numbers[LITTLE]}"
    operations = ("send", "list", "mark read", "reply", "health")
    return [*compare_scenes(scale, scenes, name, operations), Result(f"{name}: left in the mailbox", left, "")]


def past_commits(scale: Scale) -> list[Result]:
    """Compare operations with 100,000 commits and with 100."""
    scenes = two_scenes(scale)
    numbers = {LITTLE: 100, MUCH: scale.pick(100_000, 150)}
    for side, scene in scenes.items():
        add_commits(scene.remote, numbers[side])
        renew_clones(scene)
    return compare_scenes(scale, scenes, f"{numbers[MUCH]:,} commits against {numbers[LITTLE]}", ("send", "list"))


ROWS = (Row("past messages", past_messages), Row("past commits", past_commits))
