# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The coordination of build servers: plain Python without Ansible.

Imports go from a row to rows above it, never the other way; the lint step enforces this:

machine, standard_streams          facts of this machine; the standard streams of a process
text, timestamps, secrets          sanitizing; UTC times as text; finding and redacting secrets, the token file
errors                             every error, with its remedy
state_dir, documents               files and locks of this server; JSON documents and their changes
git                                the only folder that knows Git
store                              the transaction, snapshots, the journal of pushes
identity                           the fleet, this server, its configuration, signatures, trusted keys, verification
mail, status                       messages and the mailbox; the status document
delivery, environment              the outbox and its delivery; installed packages and their comparison
operations, monitoring             send, list, wait, mark, archive, recover, set the status; heartbeats and health
builds, autoreply                  jobs; automatic answers
"""

__version__ = "0.1.0"
