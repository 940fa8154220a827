# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that the modules of this collection share."""

from __future__ import annotations


class ModuleDocFragment:
    """The common options and attributes."""

    DOCUMENTATION = r"""
options:
  repo:
    description:
      - The clone of the Build repository where people work on this server.
      - It tells where the remote is. Its state does not matter otherwise, and it is fast-forwarded after a write when it is clean.
      - If it is not given, the variable C(builders_repo) of the inventory gives it, else C(repo) in
        C(/etc/acs-builders/builderctl.json) on the server, else the default.
    type: path
    default: /root/Build
  remote:
    description:
      - The name of the remote in that clone.
      - If it is not given, C(remote) in C(/etc/acs-builders/builderctl.json) on the server gives it, else the default.
    type: str
    default: origin
  branch:
    description:
      - The branch that holds the documents.
      - If it is not given, the variable C(builders_branch) of the inventory gives it, else C(branch) in
        C(/etc/acs-builders/builderctl.json) on the server, else the default.
    type: str
    default: main
  server_id:
    description:
      - The server to speak for. It must be the one that this host is, so it is only needed where nothing else tells.
      - This host is what C(server_id) in O(state_dir) says, else C(/etc/build_server_id), else its host name in the fleet file.
    type: str
  pat_file:
    description:
      - The file that holds the access token of the Git host. It is read by Git's credential helper when the remote asks.
      - It is not used for remotes that need none.
      - If it is not given, the variable C(builders_pat_file) of the inventory gives it, else C(pat_file) in
        C(/etc/acs-builders/builderctl.json) on the server, else the default.
    type: path
    default: /PAT
  state_dir:
    description:
      - Where this server keeps its private repository, its read marks and the fleet file.
      - If it is not given, the variable C(builders_state_dir) of the inventory gives it, else C(state_dir) in
        C(/etc/acs-builders/builderctl.json) on the server, else the default.
    type: path
    default: /var/lib/acs-builders
  timeout:
    description: Seconds that one read or write may take on the network.
    type: int
    default: 60
requirements:
  - Python 3.9 or later on the server
  - Git 2.30 or later
  - GitPython 3.1.14 or later (Debian and Ubuntu package C(python3-git))
attributes:
  check_mode:
    support: full
    description: Nothing is pushed and no state is kept; the result is what would be.
  diff_mode:
    support: full
    description: Shows how the documents in the repository change.
  platform:
    support: full
    platforms: posix
    description: Linux, on the build server itself.
author:
  - acs.builders authors (@acs-builders)
"""
