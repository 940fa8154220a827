#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return what is installed on a build server as facts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_environment_fact
short_description: Return what is installed on a build server as facts
version_added: 0.1.0
description:
  - Looks at the packages, the kernel, the toolchain and the load of this server and at the commits of its repositories, and
    returns what it finds as C(ansible_facts.build_environment).
  - It needs neither the Build repository nor the network, and changes nothing.
  - The playbook C(acs.builders.check_environment) compares servers with it.
options:
  packages:
    description:
      - The Debian packages to look for, by their names without an architecture. All that are installed when left out.
      - What dpkg does not know is left out of the result.
    type: list
    elements: str
  paths:
    description: Folders with a Git repository each, whose commits are returned.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Nothing is changed that could be shown.
  facts:
    support: full
    description: Returns C(ansible_facts).
  platform:
    support: full
    platforms: linux
    description: Packages are those of dpkg, and there are none without it.
notes:
  - A program that does not tell its version within 10 seconds is left out.
seealso:
  - module: acs.builders.build_heartbeat_fact
  - plugin: acs.builders.compare_environments
    plugin_type: filter
author:
  - acs.builders authors (@acs-builders)
"""

EXAMPLES = r"""
# At a shell of the controller: ansible build1 -m build_environment_fact
- name: Look at what is installed
  acs.builders.build_environment_fact:

- name: Look at what a build needs
  acs.builders.build_environment_fact:
    packages: [openjdk-17-jdk, libssl-dev]
    paths: [/root/src/cloudstack]

- name: Tell the Git
  ansible.builtin.debug:
    msg: "Git {{ ansible_facts['build_environment'].toolchain.git | default('is not installed') }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: success
  type: dict
  contains:
    build_environment:
      description: What is on this server.
      type: dict
      contains:
        observed_at:
          description: When it was observed, in UTC.
          type: str
          sample: "2026-11-22T07:11:46Z"
        kernel:
          description: The release of the kernel that runs.
          type: str
          sample: 6.1.0-18-amd64
        machine:
          description: The machine's hardware name.
          type: str
          sample: x86_64
        os:
          description: The operating system.
          type: str
          sample: Debian GNU/Linux 12 (bookworm)
        toolchain:
          description: The versions of C(java), C(maven), C(git), C(python) and C(node), those that there are.
          type: dict
          sample: {"java": "17.0.9", "maven": "3.8.7", "git": "2.39.5", "python": "3.11.2", "node": "18.19.0"}
        packages:
          description:
            - Each package by its name. With several architectures, the server's own.
            - C(installed_at) is the time at which dpkg wrote the list of its files; null when that is not known, or the
              package is not installed.
            - A package that was asked for and is not installed itself, as a virtual or a renamed one, has C(provided_by), the
              installed package that stands in its place, and is told as that one is.
          type: dict
          sample: {"libssl-dev": {"version": "3.0.11-1", "status": "install ok installed", "architecture": "amd64", "installed_at": "2026-11-02T10:15:00Z"}}
        disk:
          description: The size and the free room of the root file system in GB (1,000,000,000 bytes).
          type: dict
          sample: {"total_gb": 500.0, "free_gb": 450.0}
        memory:
          description: The memory and how much of it is used, in GB.
          type: dict
          sample: {"total_gb": 128.0, "used_gb": 8.5}
        load:
          description: The load of the last 1, 5 and 15 minutes.
          type: list
          elements: float
          sample: [2.1, 1.75, 0.9]
        commits:
          description:
            - The C(commit) and the C(branch) of each path; the branch is null when none is checked out.
            - A path that is no repository, has no commit, or belongs to somebody whom Git does not trust is left out.
          type: dict
          sample: {"/root/src/cloudstack": {"commit": "d8e22ab0af7881b17ddd086bcae2a42a74bfc661", "branch": "main"}}
reason:
  description: A stable name of what went wrong, for programs.
  returned: on failure
  type: str
  sample: observation
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.facts import observe
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError
from ansible_collections.acs.builders.plugins.module_utils.coordination.text import one_line


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str"},
            "paths": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        environment = observe(module.params["packages"], module.params["paths"])
    except CoordinationError as error:
        module.fail_json(msg=one_line(str(error)), reason=error.kind)
    module.exit_json(changed=False, ansible_facts={"build_environment": environment})


if __name__ == "__main__":
    main()
