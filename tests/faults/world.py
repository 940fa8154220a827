"""A Build repository behind the relay, its servers, the actors that act as them, and the answers they got."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import FAIL, QUEUE
from ansible_collections.acs.builders.tests.builders import Builders, git, make_builders
from ansible_collections.acs.builders.tests.faults.actor import Actor, Conditions, Hung
from ansible_collections.acs.builders.tests.faults.checker import Findings, Remote, check, token_of
from ansible_collections.acs.builders.tests.faults.delivery import PUSHED
from ansible_collections.acs.builders.tests.faults.inspection import strays
from ansible_collections.acs.builders.tests.faults.ledger import Ledger
from ansible_collections.acs.builders.tests.faults.operations import Answer, Order
from ansible_collections.acs.builders.tests.faults.relay import Mode, Relay
from ansible_collections.acs.builders.tests.waiting import until
from git import GitCommandError

SERVERS = ("build1", "build2", "build3")
FOURTH = "build4"
"""A server without an actor until a row adds one."""
OLD = "old1"
"""A server of the fleet with the old scripts; it has no actor."""
USUAL = Conditions()


class World:
    """The fleet of one row of the report. Use it as a context manager.

    ``ledger`` records the answers, ``faults`` counts the injected faults, ``trouble`` lists what is stuck, ``figures``
    contains further measurements, ``refused`` the tokens that the remote rejects for their content, and ``rewritten``
    is whether commits were removed from the remote.

    :param folder: an empty folder below the one that the Git host serves.
    :param top: the folder that the Git host serves.
    :param relay: the relay before the Git host.
    :param seed: the seed of all random choices.
    :param progress: is called with lines about the progress.
    """

    def __init__(self, folder: Path, top: Path, relay: Relay, seed: str, progress: Callable[[str], None]) -> None:
        folder.mkdir(parents=True)
        self.relay = relay
        self.random = random.Random(seed)
        self.progress = progress
        self.ledger = Ledger()
        self.faults = 0
        self.trouble: list[str] = []
        self.figures: dict[str, object] = {}
        self.builders: Builders = make_builders(folder, (*SERVERS, FOURTH, OLD))
        self.builders.trust(*SERVERS, FOURTH)
        url = f"{relay.url}/{self.builders.remote.relative_to(top)}"
        for server in self.builders.ids:
            git("remote", "set-url", "origin", url, cwd=self.builders.clone(server))
        self.actors = {server: Actor(server, self.builders) for server in SERVERS}
        self.refused: set[str] = set()
        self.rewritten = False
        self._tokens = 0

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_error: object) -> None:
        self.relay.set(Mode())
        for actor in self.actors.values():
            actor.stop()

    def add_actor(self, name: str, server: str) -> None:
        """Start another process that acts as a server."""
        self.actors[name] = Actor(server, self.builders)

    def token(self) -> str:
        """Return a new token."""
        self._tokens += 1
        return f"t{self._tokens:05}"

    def message(self, server: str, keyed: bool | None = None) -> Order:
        """Return an order to send a message from a server to any other, or to all."""
        others = [other for other in (*SERVERS, "all") if other != server]
        chosen = self.random.random() < 0.5 if keyed is None else keyed
        size = self.random.choice((1, 100, 2000))
        return Order("send", self.token(), self.random.choice(others), chosen, size)

    def write(self, server: str) -> Order:
        """Return a random order to write as a server, mostly a message."""
        action = self.random.choices(("send", "reply", "status", "read", "acknowledge"), (6, 1, 1, 1, 1))[0]
        order = self.message(server) if action == "send" else Order(action, self.token(), keyed=False)
        return replace(order, offline=self.random.choice((QUEUE, QUEUE, QUEUE, FAIL)))

    def ask(
        self, plans: Mapping[str, list[Order]], conditions: Conditions | Mapping[str, Conditions] = USUAL
    ) -> list[Answer]:
        """Let actors carry out orders at the same time, and record their answers.

        :param plans: the orders of each actor.
        :param conditions: the conditions of all actors, or those of each.
        """
        for name, orders in plans.items():
            own = conditions if isinstance(conditions, Conditions) else conditions.get(name, USUAL)
            self.actors[name].start(orders, own)
        with ThreadPoolExecutor(len(plans) or 1) as listeners:
            return [answer for found in listeners.map(self._collect, plans) for answer in found]

    def write_all(self, orders: int = 1, conditions: Conditions | Mapping[str, Conditions] = USUAL) -> list[Answer]:
        """Let all actors write at the same time."""
        return self.ask(self.plans(orders), conditions)

    def plans(self, orders: int = 1) -> dict[str, list[Order]]:
        """Return random orders to write for all actors."""
        return {name: [self.write(actor.server) for _turn in range(orders)] for name, actor in self.actors.items()}

    def begin(self) -> None:
        """Let every server send and list once, so that each has read the remote."""
        for server in SERVERS:
            self.ask({server: [self.message(server), Order("list")]})

    def repeat(self, share: float = 0.5) -> None:
        """Repeat some of the messages whose result is unknown, with the same key."""
        chosen = [write for write in self.ledger.repeatable() if self.random.random() < share]
        for write in chosen:
            self.ask({write.author: [write.order]})

    def update_remote(self, change: Callable[[str], str]) -> None:
        """Set the branch of the remote to another commit, and record the messages that this removes.

        Actors may write at the same time.

        :param change: returns the new commit for the current one.
        """
        while True:
            old = git("rev-parse", "main", cwd=self.builders.remote)
            before = set(Remote(self.builders, old).tokens)
            new = change(old)
            after = set(Remote(self.builders, new).tokens)
            try:
                git("update-ref", "refs/heads/main", new, old, cwd=self.builders.remote)
            except GitCommandError:
                continue  # a push was faster
            self.withdraw(before - after)
            return

    def withdraw(self, tokens: Iterable[str]) -> None:
        """Record that messages were removed from the remote."""
        self.ledger.withdrawn |= set(tokens)
        self.rewritten = True

    def wait_for_strays(self) -> None:
        """Wait until all processes of killed actors have ended."""
        folder = self.builders.folder
        try:
            until(lambda: not strays(folder), "processes of killed actors did not end")
        except AssertionError:
            self.trouble += [f"process left: {command}" for command in strays(folder)]

    def settle(self) -> Findings:
        """End all faults, let all actors deliver, send and read once more, and check everything."""
        self.relay.set(Mode())
        self.wait_for_strays()
        self.repeat()
        waiting: set[str] = set()
        rejected: set[str] = set()
        for name, actor in self.actors.items():
            last = self.message(actor.server, keyed=False)
            plan = [Order("deliver"), last, Order("list"), Order("waiting"), Order("inspect")]
            delivered, sent, listed, left, seen = self.ask({name: plan})
            if sent.outcome != PUSHED:
                self.trouble.append(f"{name} cannot send: {sent.outcome} {sent.error}")
            self.trouble += [
                f"{name} cannot {one.order.action}: {one.error}" for one in (delivered, listed) if one.error
            ]
            self.trouble += [f"{name} does not list {token}" for token in self._unseen(actor.server, listed)]
            outbox = left.value or {"waiting": [], "rejected": []}
            self.trouble += [f"{name}: {obstacle}" for obstacle in seen.value["obstacles"]]
            self.trouble += [f"{name}: {token} still waits" for token in outbox["waiting"]]
            waiting.update(outbox["waiting"])
            rejected.update(outbox["rejected"])
        self.wait_for_strays()
        self.trouble += [f"{token} was rejected for no reason" for token in rejected - self.refused]
        findings = check(self.builders, self.ledger, waiting, rejected, self.rewritten)
        findings.wedged += self.trouble
        return findings

    def _unseen(self, server: str, listed: Answer) -> list[str]:
        """Return the messages to a server in the mailbox of the remote that a listing does not contain."""
        there = {entry["id"]: entry for entry in Remote(self.builders).mailbox if entry["from"] != server}
        mine = (message for message in there.values() if message["to"] in (server, "all"))
        return [token_of(message) for message in mine if message["id"] not in listed.ids]

    def _collect(self, name: str) -> Iterable[Answer]:
        actor = self.actors[name]
        answers = []
        try:
            for answer in actor.answers():
                self.ledger.record(name, actor.server, answer)
                answers.append(answer)
        except Hung as error:
            self.trouble.append(str(error))
        return answers
