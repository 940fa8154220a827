#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return what a page about the fleet shows, and publish such a page."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_dashboard
short_description: Return what a page about the fleet shows, and publish such a page
version_added: 1.0.0
description:
  - Without O(page), this module returns the questions to the operator, the conversations of all servers, who waits for whom, the past builds, the jobs and the
    number of messages by day. The health of the servers is returned by M(acs.builders.build_heartbeat_fact).
  - With O(page), it publishes a page on the branch C(dashboard) of the Build repository, from which a Git host can serve it. The branch
    has one commit, which is replaced.
  - The playbook C(playbooks/dashboard.yml) writes and publishes such a page.
extends_documentation_fragment:
  - acs.builders.builders
options:
  page:
    description: The content of the file C(index.html) to publish.
    type: str
attributes:
  diff_mode:
    support: none
    description: The page is neither returned nor logged, because of its size. The playbook shows how the file on the controller changes.
seealso:
  - module: acs.builders.build_heartbeat_fact
  - plugin: acs.builders.dashboard_page
    plugin_type: filter
"""

EXAMPLES = r"""
# At a shell of the controller: ansible build1 -m build_dashboard
- name: Read the health of all servers
  acs.builders.build_heartbeat_fact:

- name: Read the conversations and builds of all servers
  acs.builders.build_dashboard:
  register: seen

- name: Publish a page
  acs.builders.build_dashboard:
    page: "{{ {'dashboard': seen.dashboard, 'health': ansible_facts.build_heartbeat} | acs.builders.dashboard_page }}"
"""

RETURN = r"""
dashboard:
  description: What a page shows beside the health. Texts of others are sanitized, cut, and without secrets.
  returned: without O(page)
  type: dict
  contains:
    conversations:
      description:
        - The newest messages of all servers. C(shown) and C(total) are their numbers.
        - C(threads) has the conversations, the one with the newest message first, each with C(id), C(subject), C(messages) and
          C(earlier), the number of its messages that are not shown.
      type: dict
      sample: {"threads": [], "shown": 0, "total": 0}
    questions:
      description: The questions to the operator that he has not answered, as C(rows), and the number of further ones as C(more).
      type: dict
      sample: {"rows": [], "more": 0}
    waits:
      description:
        - Who waits for whom, the longest wait first, as C(rows), and the number of further ones as C(more).
        - Each has C(from), C(to), C(for), which is V(answer) or V(acknowledgement), C(read), C(since), C(id), C(thread) and C(subject).
      type: dict
      sample: {"rows": [], "more": 0}
    builds:
      description: The builds that have ended, the newest first, each with C(server), C(id), C(status), C(started_at) and C(completed_at).
      type: dict
      sample: {"rows": [{"server": "build1", "id": "job_42", "status": "success"}], "more": 0}
    jobs:
      description: The entries of C(coordination/jobs.json), the newest first.
      type: dict
      sample: {"rows": [], "more": 0}
    traffic:
      description: The number of messages by type for each of the last 30 days.
      type: list
      elements: dict
      sample: [{"day": "2026-11-22", "counts": {"error": 0, "warning": 0, "request": 2, "info": 3}}]
branch:
  description: The branch that has the page.
  returned: with O(page)
  type: str
  sample: dashboard
commit:
  description: The commit of the branch; null in check mode if the page differs.
  returned: with O(page)
  type: str
  sample: d8e22ab0af7881b17ddd086bcae2a42a74bfc661
attempts:
  description: The number of pushes.
  returned: with O(page)
  type: int
  sample: 1
reason:
  description: The kind of the error, a stable name for programs.
  returned: on failure
  type: str
  sample: unreachable
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acs.builders.plugins.module_utils import module_support
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.dashboard import read_dashboard
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.page_branch import (
    PAGE_BRANCH,
    publish_page,
)


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Return what a page shows, or publish a page."""
    page = module.params["page"]
    if page is None:
        return {"changed": False, "dashboard": read_dashboard(host)}
    return {"branch": PAGE_BRANCH, **publish_page(host, page)._asdict()}


def main() -> None:
    """Run the module."""
    module = module_support.BuildersModule(
        argument_spec={
            **module_support.COMMON_ARGUMENTS,
            "page": {"type": "str", "no_log": True},  # too long for the log and the result
        },
        supports_check_mode=True,
    )
    module_support.run(module, act)


if __name__ == "__main__":
    main()
