"""A remote in memory that checks every write."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import MESSAGES
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Change
from ansible_collections.acs.builders.tests.contract.memory_repository import MemoryRemote
from ansible_collections.acs.builders.tests.fuzz import kept
from ansible_collections.acs.builders.tests.fuzz.failure import Violation

ARCHIVE = "coordination/archive/"
JQ_EVERY = 40
"""The number of writes of which one is checked with jq itself."""


class Remote(MemoryRemote):
    """The remote."""

    def __init__(self) -> None:
        super().__init__("https://git.example.com/Build.git")
        self.writes = 0
        self.trusted = False

    def reset(self, *commits: dict[str, bytes], trusted: bool = False) -> None:
        """Replace the commits, the oldest first, and remove all heartbeats.

        :param trusted: whether trust is set up; then a status that its server has not signed is replaced.
        """
        for kept_here in (self.commits, self.beats, self.fetched_beats, self.known):
            kept_here.clear()
        self.tip = None
        self.trusted = trusted
        for files in commits:
            self.tip = self.keep(files, self.tip)

    @property
    def files(self) -> dict[str, bytes]:
        """The files of the newest commit."""
        return self.commits[self.tip].files if self.tip else {}

    def add(self, change: Change[Any]) -> str:
        """Check and push a commit.

        :raises Violation: if a write is not allowed.
        """
        commit = self.make(self.tip, change, "build1")
        self.push(commit)
        return commit

    def check(self, path: str, old: bytes | None, new: bytes, files: dict[str, bytes]) -> None:
        """Check a write of a document.

        :raises Violation: if it loses or damages something.
        """
        self.writes += 1
        if not kept.is_readable(new):
            raise Violation(f"the text written to {path} is not JSON")
        text = new.decode("utf-8-sig")
        if old is None or path.endswith("heartbeat.json"):  # its only writer replaces it each time
            kept.check_text(text, path)
        elif not kept.is_readable(old):
            raise Violation(f"{path}, which cannot be read, was overwritten")
        elif self.trusted and path.endswith("status.json") and kept.strict(new).keys() <= kept.STATUS_MEMBERS:
            kept.check_text(text, path, old.decode("utf-8-sig"))
        elif new.startswith(BOM_UTF8) != old.startswith(BOM_UTF8):
            raise Violation(f"the byte order mark of {path} changed")
        elif path == MESSAGES and kept.count_entries(text) < kept.count_entries(old.decode("utf-8-sig")):
            archives = [data for name, data in files.items() if name.startswith(ARCHIVE)]
            archived = [entry for data in archives for entry in kept.entries(data)]
            kept.check_moved(old.decode("utf-8-sig"), text, archived, path)
        elif path == MESSAGES or path.startswith(ARCHIVE):
            kept.check_entries(old.decode("utf-8-sig"), text, path)
        else:
            kept.check_members(old.decode("utf-8-sig").strip(), text.strip(), kept.STATUS_MEMBERS, path)
        if self.writes % JQ_EVERY == 0:
            kept.check_with_jq(new, path)
