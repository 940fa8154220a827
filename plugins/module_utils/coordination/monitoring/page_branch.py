# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The branch with the page about the fleet: one commit without a parent, which each new page replaces.

A Git host can serve it as a website.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from ..errors import DeadlineReached, GitFailed
from ..git.bare_repository import BareRepository
from ..git.failures import ConnectionLost, PushRejected, explain_failure
from ..identity.host import Host
from ..store.push_loop import PushLoop
from ..text import short

PAGE_BRANCH = "dashboard"
PAGE_FILE = "index.html"
_FILES = {".nojekyll": b""}
"""Files beside the page. This one tells GitHub Pages to serve the page as it is."""
_REF = f"refs/heads/{PAGE_BRANCH}"


class Published(NamedTuple):
    """How a page was published.

    :param changed: whether the branch had another page.
    :param commit: the commit of the branch; None if it was not published.
    :param attempts: the number of pushes.
    """

    changed: bool
    commit: str | None
    attempts: int


def publish_page(host: Host, page: str) -> Published:
    """Publish a page on its branch of the Build repository, unless the branch has it.

    :param page: the content of the file.
    :raises GitFailed: if the branch has other files than a page.
    :raises RemoteError: if the remote does not accept it.
    """
    repository = host.repository
    with tempfile.TemporaryDirectory(prefix=".page-", dir=host.state.make()) as folder:
        bare = BareRepository(Path(folder, "page.git"), repository.origin, repository.pat_file, host.state)
        bare.make()
        try:
            return bare.repaired(lambda: _publish(host, bare, page.encode()))
        finally:
            bare.close()


def _publish(host: Host, bare: BareRepository, content: bytes) -> Published:
    loop = PushLoop(host.repository.timeout)
    attempts = 0

    def refresh() -> Published | None:
        there = _fetch(bare, loop)
        if there and bare.read(there, PAGE_FILE) == content:
            return Published(attempts > 0, there, attempts)
        return None

    def attempt() -> Published:
        nonlocal attempts
        if host.check_mode:
            return Published(True, None, 0)
        files = {**_FILES, PAGE_FILE: content}
        commit = bare.commit(None, files, f"{host.id}: page about the fleet", host.id, int(host.clock().timestamp()))
        attempts += 1
        bare.push(_REF, commit, bare.ref(_REF), loop.network_timeout, "publishing the page")
        return Published(True, commit, attempts)

    try:
        return loop.run(attempt, refresh, is_stale=True)
    except (PushRejected, ConnectionLost) as error:
        remedy = "Run the playbook again later."
        raise DeadlineReached(
            f"The remote did not take the page in {loop.failures} tries ({error}).", remedy
        ) from error


def _fetch(bare: BareRepository, loop: PushLoop) -> str | None:
    """Fetch the branch of the page, and return its commit; None if there is none.

    :raises GitFailed: if it has other files than a page.
    """
    command = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--prune", bare.url)
    outcome = bare.ask(*command, f"+{_REF}*:{_REF}*", timeout=loop.left)
    if outcome.status != 0:
        raise bare.checked(explain_failure(outcome, bare.url), outcome, "fetching the page")
    there = bare.ref(_REF)
    others = sorted({*bare.names(there)} - {*_FILES, PAGE_FILE}) if there else []
    if others:
        names = short(", ".join(others))
        raise GitFailed(
            f"The branch {PAGE_BRANCH} of the remote has other files ({names}). It was not replaced.",
            "Rename that branch of the Build repository, and run the playbook again.",
        )
    return there
