# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The refs of the heartbeats, which add nothing to the history of the branch.

``refs/heartbeats/SERVER`` is one commit without a parent that contains heartbeat.json. The server replaces it with a
lease. Heartbeats are created and fetched in a scratch repository.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from ..documents.json_document import new_document, parse_object
from ..errors import DeadlineReached, DocumentDamaged, DuplicateIdentity, GitFailed
from ..git.bare_repository import BareRepository
from ..git.failures import ConnectionLost, PushRejected, explain_failure, explain_push
from ..identity import signatures
from ..identity.host import Host
from ..identity.verification import TRUE, Verifier
from ..state_dir import commit_name
from ..text import one_line
from .heartbeat_document import Heartbeat

HEARTBEAT = "heartbeat.json"
REFS = "refs/heartbeats/"
NOTHING = "refs/none/"
"""A namespace without refs. A push from it with --prune deletes the refs of the destination."""
BEAT_FILE = "beat.json"
MAX_SIZE = 5_000_000
"""The maximum size of the scratch repository in bytes. A larger one is created again."""
TRIES = 4
"""The maximum number of pushes of one heartbeat."""
REMEMBERED = 100
"""The number of own heartbeats that are recognized if they are replayed."""
FOREIGN_INTERVALS = 3
"""The number of intervals after which a heartbeat of another host with the same id counts as abandoned."""


class HeartbeatRefs:
    """The heartbeats of all servers, a context manager."""

    def __init__(self, host: Host) -> None:
        self._host = host
        repository = host.repository
        self._deadline = time.monotonic() + repository.timeout
        folder = host.state.make() / "beats.git"
        self._bare = BareRepository(folder, repository.origin, repository.pat_file, host.state)

    def __enter__(self) -> HeartbeatRefs:
        self._bare.make()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bare.close()

    def read(self) -> dict[str, Heartbeat]:
        """Fetch the newest heartbeat of every server.

        :return: the heartbeats by server id, without those that cannot be parsed.
        :raises RemoteError: if the remote cannot be reached or refuses the fetch.
        """
        with self._locked():
            return self._bare.repaired(self._read)

    def known(self) -> dict[str, Heartbeat]:
        """Return the result of the last :meth:`read`, without asking the remote."""
        with self._locked():
            return self._bare.repaired(self._documents)

    def publish(self, beat: Heartbeat, now: datetime) -> None:
        """Replace the heartbeat of this server.

        :param now: the time in UTC.
        :raises DuplicateIdentity: if another host publishes heartbeats of this server.
        :raises RemoteError: if the remote does not accept the heartbeat.
        """
        with self._locked():
            self._bare.repaired(lambda: self._publish(beat, now))
            self._bare.run("prune", "--expire=now")
            size = sum(file.stat().st_size for file in self._bare.path.rglob("*") if file.is_file())
            if size > MAX_SIZE:
                self._bare.remake()

    def _read(self) -> dict[str, Heartbeat]:
        self._fetch(f"+{REFS}*:{REFS}*", "--prune")
        return self._documents()

    def _documents(self) -> dict[str, Heartbeat]:
        beats = {ref[len(REFS) :]: self._document(commit) for ref, commit in self._bare.refs(REFS).items()}
        return {server: beat for server, beat in beats.items() if beat}

    def _publish(self, beat: Heartbeat, now: datetime) -> None:
        record = self._host.state.read(BEAT_FILE, _parse_record) or _parse_record({})
        ref = f"{REFS}{self._host.id}"
        for _try in range(TRIES):
            files = {HEARTBEAT: new_document(beat.raw)}
            commit = self._bare.commit(None, files, f"{self._host.id}: beat", self._host.id, int(now.timestamp()))
            record["attempted"] = [*record["attempted"], commit][-10:]
            self._host.state.write_json(BEAT_FILE, record)
            lease = f"--force-with-lease={ref}:{record['commit']}"
            outcome = self._bare.ask(
                "push", "--porcelain", lease, self._bare.url, f"{commit}:{ref}", timeout=self._left()
            )
            if outcome.status == 0:
                published = [*record["published"], beat.mark[1:]][-REMEMBERED:]
                self._host.state.write_json(BEAT_FILE, {"commit": commit, "attempted": [], "published": published})
                return
            error = self._bare.checked(explain_push(outcome, self._bare.url), outcome, "publishing a heartbeat")
            if not isinstance(error, (PushRejected, ConnectionLost)):
                raise error
            record["commit"] = self._lease(ref, record, now)
        raise DeadlineReached(f"The heartbeat was not taken in {TRIES} tries.", "The next one will be tried as usual.")

    def _lease(self, ref: str, record: dict[str, Any], now: datetime) -> str:
        """Fetch the commit to replace: a heartbeat of this host, an abandoned one, or another object."""
        self._bare.run("update-ref", "-d", ref)
        self._fetch(f"+{ref}*:{ref}*", "--prune")
        if self._bare.refs(f"{ref}/", every=True):
            self._remove_below(ref)
        there = self._bare.refs(REFS, every=True).get(ref, "")
        if there and there not in self._bare.refs(REFS).values():
            self._host.repository.notes.append(f"{ref}, which was no heartbeat, was taken over.")
        elif there and there not in record["attempted"]:
            self._check_foreign(self._document(there) or Heartbeat({}), record["published"], now)
        return there

    def _remove_below(self, ref: str) -> None:
        """Delete the refs below the ref of this server, which prevent Git from creating it."""
        prune = ("push", "--porcelain", "--prune", self._bare.url, f"{NOTHING}*:{ref}/*")
        outcome = self._bare.ask(*prune, timeout=self._left())
        if outcome.status != 0:
            raise GitFailed(
                f"Refs below {ref} keep {self._host.id} from beating, and cannot be removed "
                f"({one_line(outcome.stderr.strip())}).",
                "Remove them from the Build repository.",
            )
        self._host.repository.notes.append(f"Refs below {ref}, which kept {self._host.id} from beating, were removed.")

    def _check_foreign(self, theirs: Heartbeat, published: list[Any], now: datetime) -> None:
        sent = theirs.sent_at
        young = sent is not None and abs((now - sent).total_seconds()) < FOREIGN_INTERVALS * theirs.interval
        claim = (theirs.raw, self._host.id)
        verification = Verifier(self._host, signatures.HEARTBEAT, remember=False).verify([claim])[0]
        forged = bool(self._host.signers.repository) and verification.verified != TRUE
        boot_id, *name = theirs.mark
        when = one_line(str(name[1]))
        replayed = verification.verified == TRUE and name in published
        if young and not forged and not replayed:
            boot = one_line(str(boot_id or "unknown"))
            raise DuplicateIdentity(
                f"Duplicate identity: another host beats as {self._host.id} (boot {boot}, at {when}); its heartbeat "
                "was left as it is.",
                "Find the host that was copied, and run the setup playbook on it with an id of its own.",
            )
        why = f", {verification.reason}," if forged else ", an older one of its own," if replayed else ""
        self._host.repository.notes.append(
            f"The heartbeat of {self._host.id} that this host did not make last ({when}){why} was taken over."
        )

    def _fetch(self, refspec: str, *options: str) -> None:
        command = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *options, self._bare.url, refspec)
        outcome = self._bare.ask(*command, timeout=self._left())
        if outcome.status == 0:
            return
        error = self._bare.checked(explain_failure(outcome, self._bare.url), outcome, "fetching heartbeats")
        if isinstance(error, ConnectionLost):
            raise DeadlineReached(f"The remote did not send the heartbeats ({error}).", "Try again later.") from error
        raise error

    def _document(self, commit: str) -> Heartbeat | None:
        try:
            data = self._bare.read(commit, HEARTBEAT)
            document = None if data is None else parse_object(data, HEARTBEAT).value
            return Heartbeat(document) if document else None
        except DocumentDamaged:
            return None

    def _locked(self) -> Any:
        return self._host.state.lock("beats.lock", self._left())

    def _left(self) -> float:
        return max(0.5, self._deadline - time.monotonic())


def _parse_record(record: Any) -> dict[str, Any]:
    """Parse the record: the last commit, the commits with an unknown outcome, the last published heartbeats."""
    lists = {name: list(record.get(name, [])) for name in ("attempted", "published")}
    return {"commit": commit_name(record.get("commit", "")), **lists}
