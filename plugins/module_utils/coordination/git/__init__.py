# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that knows Git and GitPython: this host's private repository, the clone where people work, and Git processes.

Objects, trees, commits and refs are read and written with GitPython, the package ``git`` of absolute imports, which
:mod:`.library` alone imports. What asks a remote, and what reads settings that Git obeys, is a process of Git.
May import documents, state_dir and what these may import.
"""
