"""What sending a message takes, compared with the old way and the floor."""

from __future__ import annotations

from ansible_collections.acs.builders.tests.benchmark.far_host import FarHost
from ansible_collections.acs.builders.tests.benchmark.floor import FLOOR_REMOTE, Floor
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, alternate, compared
from ansible_collections.acs.builders.tests.benchmark.scene import (
    BODY,
    Command,
    core_send,
    count_children,
    make_scene,
    move_remotes,
    old_send,
)

OURS, OLD, FLOOR, LOADED, STARTED = "ours", "old way", "floor", "loaded", "builderctl"


def far(scale: Scale) -> list[Result]:
    """One message, nobody else writing, over https with a round trip of 40 ms."""
    builders = make_scene(scale.folder)
    rounds = scale.pick(15, 1)
    with FarHost(scale.folder, scale.folder) as host:
        floor = Floor(builders.remote, rounds + 1)
        floor.url = f"{host.url}/{FLOOR_REMOTE}"
        move_remotes(builders, host.url, host.certificate)
        options = {"pat_file": str(host.pat_file)}
        command = Command(builders)
        command.configure(**options)
        core_send(builders, **options)
        before = host.counts()
        core_send(builders, **options)
        requests = host.counts() - before
        sides = {
            OURS: lambda: core_send(builders, **options),
            OLD: lambda: old_send(builders),
            FLOOR: floor.push,
            STARTED: command.send,
        }
        times = alternate(sides, rounds)
    fetches = sum(number for name, number in requests.items() if "upload-pack" in name)
    name = "send, https, 40 ms"
    return [
        compared("send, builderctl, https, 40 ms: ours / old way", times, STARTED, OLD, at_most=0.75),
        compared(f"{name}: ours / old way", times, OURS, OLD, at_most=0.6),
        compared(f"{name}: ours / floor", times, OURS, FLOOR, at_most=1.3),
        Result(f"{name}: fetches", fetches, "", at_most=0, detail=dict(requests)),
        Result(f"{name}: pushes", requests["POST git-receive-pack"], "", at_most=1, at_least=1),
    ]


def local(scale: Scale) -> list[Result]:
    """One message through the command, process start included, on this disk."""
    builders = make_scene(scale.folder)
    command = Command(builders)
    command.send()
    children = count_children(command, scale.folder / "counted", "send", "Counted", BODY)
    rounds = scale.pick(25, 1)
    floor = Floor(builders.remote, rounds + 1)
    sides = {OURS: command.send, OLD: lambda: old_send(builders), LOADED: command.load, FLOOR: floor.push}
    times = alternate(sides, rounds)
    name = "send, builderctl, local"
    return [
        compared(f"{name}: ours / old way", times, OURS, OLD),
        compared(f"{name}: of it, to start and load Python / old way", times, LOADED, OLD),
        compared(f"{name}: of it, to push / old way", times, FLOOR, OLD),
        Result(f"{name}: child processes", len(children), "", at_most=4, detail={"children": children}),
    ]


ROWS = (Row("send, https, 40 ms", far), Row("send, builderctl, local", local))
