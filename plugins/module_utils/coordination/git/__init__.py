# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git and GitPython: the private repository of this server, the clone where people work, and Git processes.

GitPython reads and writes objects, trees, commits and refs; only :mod:`.library` imports its package ``git``. Git
processes access remotes and read the configuration. May import documents, state_dir and what these may import.
"""
