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
      - The clone of the Build repository on this server.
      - It provides the URL of the remote. Its state does not affect messages. If it is clean, it is fast-forwarded after a write.
      - If it is not given, the variable C(builders_repo) of the inventory sets it, else C(repo) in
        C(/etc/acs-builders/builderctl.json) on the server, else the default.
    type: path
    default: /root/Build
  remote:
    description:
      - The name of the remote in that clone.
      - If it is not given, C(remote) in C(/etc/acs-builders/builderctl.json) on the server sets it, else the default.
    type: str
    default: origin
  branch:
    description:
      - The branch that holds the documents.
      - If it is not given, the variable C(builders_branch) of the inventory sets it, else C(branch) in
        C(/etc/acs-builders/builderctl.json) on the server, else the default.
    type: str
    default: main
  server_id:
    description:
      - The id of this server. Only needed if this host has no other source of its id, and must not contradict one.
      - The sources are the file C(server_id) in O(state_dir), then C(/etc/build_server_id), then the host name in the fleet file.
    type: str
  pat_file:
    description:
      - The file that holds the access token of the Git host. The credential helper of Git reads it if the remote requires a token.
      - If it is not given, the variable C(builders_pat_file) of the inventory sets it, else C(pat_file) in
        C(/etc/acs-builders/builderctl.json) on the server, else the default.
    type: path
    default: /PAT
  state_dir:
    description:
      - The state directory of this server, which contains the private repository, the read ledger and the fleet file.
      - If it is not given, the variable C(builders_state_dir) of the inventory sets it, else C(state_dir) in
        C(/etc/acs-builders/builderctl.json) on the server, else the default.
    type: path
    default: /var/lib/acs-builders
  timeout:
    description: The timeout of a network operation in seconds.
    type: int
    default: 60
requirements:
  - Python 3.9 or later on the server
  - Git 2.30 or later
  - GitPython 3.1.14 or later (Debian and Ubuntu package C(python3-git))
attributes:
  action_group:
    support: full
    description: Use C(group/acs.builders.builders) in C(module_defaults) to set options of this module for a whole play.
    membership:
      - acs.builders.builders
  check_mode:
    support: full
    description: Predicts the result. Nothing is pushed and no file is changed.
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
