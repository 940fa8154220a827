# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The coordination of build servers: plain Python without Ansible.

Imports go from a row to rows above it, never the other way; the lint step enforces this:

machine, standard_streams          facts of this machine; the standard streams of a process
text, timestamps, json_errors      sanitizing; UTC times as text; the words for invalid JSON
secrets                            finding and redacting secrets, the token file
errors                             every error, with its remedy
state_dir, documents               files and locks of this server; JSON documents and their changes
git                                the only folder that knows Git
store                              the transaction, snapshots, the journal of pushes
identity                           the fleet, this server, its configuration, signatures, trusted keys, verification
mail, status                       messages and the mailbox; the status document
delivery, environment              the outbox and its delivery; installed packages and their comparison
operations, monitoring             send, list, wait, mark, archive, recover, set the status; heartbeats and health
alerts, builds, autoreply          alerts about the fleet; jobs; automatic answers
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

__version__ = "1.0.0"
OLDEST_PYTHON = (3, 9)


def check_python(version: Sequence[object]) -> None:
    """End this process with one sentence if its Python is too old for the rest of the package.

    :param version: the version as in ``sys.version_info``.
    :raises SystemExit: with the exit code of an unusable program, after printing the sentence. A module of Ansible
        prints it as its result.
    """
    if tuple(version[:2]) >= OLDEST_PYTHON:
        return
    needed, found = ".".join(map(str, OLDEST_PYTHON)), ".".join(map(str, version[:3]))
    text = (
        f"acs.builders needs Python {needed} or later, but {sys.executable} is Python {found}. Upgrade the system of "
        "this host, or set ansible_python_interpreter in the inventory to a later Python."
    )
    if "ansible.module_utils.basic" in sys.modules:
        sys.stdout.write(json.dumps({"failed": True, "msg": text, "reason": "dependency"}) + "\n")
    else:
        sys.stderr.write(f"{text}\n")
    raise SystemExit(5)


check_python(sys.version_info)
