#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe what is installed on a build server, and how it is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_environment_fact
short_description: Observe what is installed on a build server, and how it is
version_added: 0.1.0
description:
  - Returns the packages, the kernel, the toolchain, disk, memory, load and Git commits of a server as facts.
  - It changes nothing and needs neither the Build repository nor the network.
options:
  packages:
    description:
      - The packages to look up. All that are installed when left out, none when empty.
      - Packages are known on Debian and Ubuntu.
    type: list
    elements: str
  paths:
    description: Git repositories on the server whose commit is told.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: It works the same in check mode.
    support: full
  diff_mode:
    description: There is never a difference.
    support: none
  platform:
    support: full
    platforms: posix
    description: Linux; packages on Debian and Ubuntu.
seealso:
  - module: acs.builders.build_heartbeat_fact
author:
  - acs.builders authors (@acs-builders)
"""

EXAMPLES = r"""
- name: See which version of git is installed, and what is checked out
  acs.builders.build_environment_fact:
    packages: [git]
    paths: [/root/src/cloudstack]

- name: Observe everything
  acs.builders.build_environment_fact:
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: dict
  contains:
    build_environment:
      description: What was observed.
      type: dict
      contains:
        observed_at:
          description: When, in UTC.
          type: str
          sample: "2026-11-22T07:11:46Z"
        kernel:
          description: The release of the kernel.
          type: str
          sample: 6.1.0-18-amd64
        machine:
          description: The architecture of the machine.
          type: str
          sample: x86_64
        os:
          description: The name of the operating system.
          type: str
          sample: Debian GNU/Linux 12 (bookworm)
        toolchain:
          description: The versions of java, maven, git, python and node, of those that are there.
          type: dict
          sample: {"git": "2.39.5", "java": "17.0.9", "python": "3.11.2"}
        packages:
          description:
            - By name, C(version), C(status) as dpkg says it, C(architecture), and C(installed_at), when it was installed, in UTC.
            - Packages that dpkg does not know are left out.
          type: dict
          sample: {"git": {"version": "1:2.39.5-0+deb12u2", "status": "install ok installed", "architecture": "amd64", "installed_at": "2026-11-22T07:11:46Z"}}
        disk:
          description: The size of the root file system and what is free of it, in GB (10⁹ bytes).
          type: dict
          sample: {"total_gb": 500.0, "free_gb": 450.0}
        memory:
          description: The memory and what is used of it, in GB (10⁹ bytes).
          type: dict
          sample: {"total_gb": 128.0, "used_gb": 8.5}
        load:
          description: The load of one, five and fifteen minutes.
          type: list
          elements: float
          sample: [0.25, 0.5, 0.75]
        commits:
          description: By path, C(commit) and C(branch) of the Git repositories; the branch is null when none is checked out.
          type: dict
          sample: {"/root/src/cloudstack": {"commit": "d8e22ab0af7881b17ddd086bcae2a42a74bfc661", "branch": "main"}}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment import observe
from ansible_collections.acs.builders.plugins.module_utils.coordination.host import utc_now


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str"},
            "paths": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    observed = observe(module.params["packages"], module.params["paths"], utc_now())
    module.exit_json(changed=False, ansible_facts={"build_environment": observed})


if __name__ == "__main__":
    main()
