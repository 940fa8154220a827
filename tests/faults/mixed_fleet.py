"""A fleet in which servers with this collection and one with the old scripts write to one repository."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.faults.checker import Remote
from ansible_collections.acs.builders.tests.faults.operations import Order
from ansible_collections.acs.builders.tests.faults.rows import Row
from ansible_collections.acs.builders.tests.faults.world import OLD, SERVERS, World
from ansible_collections.acs.builders.tests.waiting import LIMIT

SCRIPT = Path(__file__).with_name("old_writer.sh")
SHARE = 0.3
"""The share of the old writer among all writes."""


class OldWriter:
    """A server with the old scripts.

    :param world: the world in which it writes.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.sent: dict[str, str] = {}
        self.marked: list[str] = []
        self.again = 0
        self.error = ""

    def send(self, recipient: str, token: str) -> None:
        """Send a message, and return when it was accepted."""
        self.sent[token] = self._run("send", recipient, token)

    def mark(self, message_id: str) -> None:
        """Mark a message read, and return when this was accepted."""
        self.marked.append(self._run("mark", message_id))

    def tokens(self) -> list[str]:
        """Return the tokens of the messages that it can read."""
        return self._run("list").split()

    def _run(self, action: str, *arguments: str) -> str:
        clone = self._world.builders.clone(OLD)
        done = subprocess.run(
            [SCRIPT, action, clone, OLD, *arguments], capture_output=True, text=True, check=False, timeout=LIMIT
        )
        if done.returncode != 0:
            raise RuntimeError(f"the old writer failed: {done.stderr[-500:]}")
        self.again += done.stderr.count("again\n")
        return done.stdout.strip()


@contextmanager
def old_writer(world: World, writes: int) -> Iterator[OldWriter]:
    """Let the old writer write in another thread inside the context, and wait until it has finished.

    :param writes: the number of its writes; one of four marks a message read.
    """
    old = OldWriter(world)
    plan = [(world.token(), world.random.choice((*SERVERS, "all"))) for _turn in range(writes)]

    def work() -> None:
        try:
            for number, (token, recipient) in enumerate(plan):
                if number % 4 == 3:
                    old.mark(_last_to_old(world))
                else:
                    old.send(recipient, token)
        except (RuntimeError, StopIteration, subprocess.TimeoutExpired) as error:
            old.error = repr(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield old
    finally:
        thread.join()


def _last_to_old(world: World) -> str:
    entries = Remote(world.builders).entries
    return str(next(entry["id"] for entry in reversed(entries) if entry["to"] in (OLD, "all")))


def race(world: World, writes: int) -> None:
    """Let all servers and the old writer race, and check what each sees of the other.

    :param writes: the approximate number of all writes.
    """
    world.ask({SERVERS[0]: [Order("send", world.token(), OLD)]})
    ours = 0
    with old_writer(world, max(4, round(writes * SHARE))) as old:
        while ours < writes * (1 - SHARE):
            to_old = {name: [Order("send", world.token(), OLD)] for name in SERVERS}
            answers = [*world.ask(to_old), *world.write_all()]
            ours += len(answers)
            refused = [answer for answer in answers if answer.error]
            world.trouble += [f"ours did not get through: {answer.error}" for answer in refused]
    world.faults = old.again
    world.trouble += [old.error] if old.error else []
    world.figures["writes of ours, and of the old writer"] = f"{ours}, {len(old.sent) + len(old.marked)}"
    world.figures["times that the old writer had to do it again"] = old.again
    check(world, old)


def check(world: World, old: OldWriter) -> None:
    """Check that all accepted writes of the old writer are on the remote once, and that all messages can be read."""
    remote = Remote(world.builders)
    there = Counter(remote.tokens)
    world.trouble += [f"{t} of the old writer is there {there[t]} times" for t in old.sent if there[t] != 1]
    read = {entry["id"] for entry in remote.entries if entry.get("read") is True}
    world.trouble += [f"the mark of the old writer on {one} is gone" for one in old.marked if one not in read]
    token_ids = dict(zip(remote.tokens, (entry["id"] for entry in remote.entries)))
    for server in SERVERS:
        (listed,) = world.ask({server: [Order("list")]})
        to_server = [t for t, e in zip(remote.tokens, remote.entries) if t in old.sent and e["to"] in (server, "all")]
        world.trouble += [f"{server} cannot read {t}" for t in to_server if token_ids[t] not in listed.ids]
    seen = set(old.tokens())
    to_old = [t for t, e in zip(remote.tokens, remote.entries) if e["from"] != OLD and e["to"] in (OLD, "all")]
    world.trouble += [f"the old writer cannot read {token}" for token in to_old if token not in seen]
    dirty = git("status", "--porcelain", cwd=world.builders.clone(OLD))
    world.trouble += [f"the clone of the old writer is not clean: {dirty}"] if dirty else []


def mixed(world: World, length: float) -> None:
    """Race with 200 writes in a full run."""
    race(world, round(200 * length))


def cannot() -> str:
    """Return why the old writer cannot run on this machine; empty if it can."""
    return "" if shutil.which("jq") else "needs jq, which the old scripts use"


ROWS = (Row("mixed fleet: an old writer races with ours", mixed, cannot),)
