#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return the packages and the state of a build server as facts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_environment_fact
short_description: Return the packages and the state of a build server as facts
version_added: 0.1.0
description:
  - Returns the packages, the kernel, the toolchain and the load of this server, and the commits of its repositories, as
    C(ansible_facts.build_environment).
  - Needs neither the Build repository nor the network, and changes nothing.
  - The playbook C(acs.builders.check_environment) uses it to compare servers.
options:
  packages:
    description:
      - The names of the Debian packages to query, without an architecture. The default is all installed packages.
      - Packages that dpkg does not know are not in the result.
    type: list
    elements: str
  paths:
    description: Folders with Git repositories whose commits are returned.
    type: list
    elements: path
    default: []
  toolchain:
    description: Whether to run the programs of the toolchain to get their versions. Otherwise the toolchain in the result is empty.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: The module never changes anything.
  diff_mode:
    support: none
    description: The module never changes anything.
  facts:
    support: full
    description: Returns C(ansible_facts).
  platform:
    support: full
    platforms: linux
    description: Packages are returned only on systems with dpkg.
notes:
  - A program of the toolchain that does not print its version within 10 seconds is left out.
seealso:
  - module: acs.builders.build_heartbeat_fact
  - plugin: acs.builders.compare_environments
    plugin_type: filter
author:
  - acs.builders authors (@acs-builders)
"""

EXAMPLES = r"""
# At a shell of the controller: ansible build1 -m build_environment_fact
- name: Gather the environment
  acs.builders.build_environment_fact:

- name: Gather some packages and a commit
  acs.builders.build_environment_fact:
    packages: [openjdk-17-jdk, libssl-dev]
    paths: [/root/src/cloudstack]

- name: Show the version of Git
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
      description: The environment of this server.
      type: dict
      contains:
        observed_at:
          description: The time of the observation, in UTC.
          type: str
          sample: "2026-11-22T07:11:46Z"
        kernel:
          description: The release of the running kernel.
          type: str
          sample: 6.1.0-18-amd64
        machine:
          description: The hardware name of the machine.
          type: str
          sample: x86_64
        os:
          description: The operating system.
          type: str
          sample: Debian GNU/Linux 12 (bookworm)
        toolchain:
          description: The versions of C(java), C(maven), C(git), C(python) and C(node), as far as they are installed.
          type: dict
          sample: {"java": "17.0.9", "maven": "3.8.7", "git": "2.39.5", "python": "3.11.2", "node": "18.19.0"}
        packages:
          description:
            - The packages by name. Of several architectures, the one of the server is returned.
            - C(installed_at) is the time at which dpkg wrote the list of its files; null if that is unknown or the package is
              not installed.
            - C(provided_by) is the installed package that provides a requested virtual or renamed package. The other values
              are then those of that package.
          type: dict
          sample: {"libssl-dev": {"version": "3.0.11-1", "status": "install ok installed", "architecture": "amd64", "installed_at": "2026-11-02T10:15:00Z"}}
        disk:
          description: The size and the free space of the root file system in GB (1,000,000,000 bytes).
          type: dict
          sample: {"total_gb": 500.0, "free_gb": 450.0}
        memory:
          description: The total and the used memory in GB.
          type: dict
          sample: {"total_gb": 128.0, "used_gb": 8.5}
        load:
          description: The load of the last 1, 5 and 15 minutes.
          type: list
          elements: float
          sample: [2.1, 1.75, 0.9]
        commits:
          description:
            - The C(commit) and the C(branch) of each path. The branch is null if none is checked out.
            - A path that is not a repository, has no commit, or has an owner that Git does not trust is left out.
          type: dict
          sample: {"/root/src/cloudstack": {"commit": "d8e22ab0af7881b17ddd086bcae2a42a74bfc661", "branch": "main"}}
reason:
  description: The kind of the error, a stable name for programs.
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
            "toolchain": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        environment = observe(**module.params)
    except CoordinationError as error:
        module.fail_json(msg=one_line(str(error)), reason=error.kind)
    module.exit_json(changed=False, ansible_facts={"build_environment": environment})


if __name__ == "__main__":
    main()
