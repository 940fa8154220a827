#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return the health of the build servers as facts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_heartbeat_fact
short_description: Return the health of the build servers as facts
version_added: 0.1.0
description:
  - Looks at the heartbeat and the status of every build server, at the jobs and at the messages, and returns what it finds as
    C(ansible_facts.build_heartbeat).
  - A document that cannot be read is named under C(problems); the rest is returned all the same.
extends_documentation_fragment:
  - acs.builders.builders
options:
  beat:
    description:
      - Whether to publish one heartbeat of this server first.
      - For servers without the heartbeat service, which does so every minute.
    type: bool
    default: false
attributes:
  facts:
    support: full
    description: Returns C(ansible_facts).
seealso:
  - module: acs.builders.build_message
  - module: acs.builders.build_status
"""

EXAMPLES = r"""
# At a shell of the controller: ansible build1 -m build_heartbeat_fact
- name: Look at the health of all servers
  acs.builders.build_heartbeat_fact:

- name: Stop when the partner is silent
  ansible.builtin.assert:
    that: build_heartbeat.servers[build_heartbeat.partner].state in ['ok', 'aging']
    fail_msg: "{{ build_heartbeat.problems | join(' ') }}"
  vars:
    build_heartbeat: "{{ ansible_facts['build_heartbeat'] }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: success
  type: dict
  contains:
    build_heartbeat:
      description: The health of the servers as this one sees it.
      type: dict
      contains:
        server_id:
          description: The server that this host is.
          type: str
          sample: build1
        partner:
          description: Its partner, empty when it has none.
          type: str
          sample: build2
        servers:
          description:
            - Every server by its id, with C(state), C(age_seconds), C(clock_skew_seconds), C(interval_seconds), C(status),
              C(manager), C(manager_last_active), C(current_job), C(last_build), C(expected) and C(problems).
            - C(verified) and C(verified_reason), C(status_verified) and C(status_verified_reason) tell whether the heartbeat and the
              status are signed by the server, as RV(acs.builders.build_status#module:verified) does. What is not believed is a
              problem, and such a heartbeat is no sign of life.
            - C(status_queued) tells that the status of this server waits in its outbox, and C(status_verified) is about an older one.
            - C(state) is V(ok), V(aging) after 120 s without a heartbeat, V(stale) after 300 s (both longer in proportion when
              the server's own interval is longer than 60 s), or V(missing) when none was ever seen.
            - C(clock_skew_seconds) tells by how much the server's clock is behind this one; null where it is not known.
          type: dict
          sample: {"build2": {"state": "ok", "age_seconds": 12, "status": "idle", "manager": "GitHub Copilot", "problems": []}}
        jobs:
          description: How many jobs there are, by status.
          type: dict
          sample: {"queued": 1, "completed": 2}
        messages:
          description:
            - C(total), C(unread) for each server, C(overdue_requests), which nobody has read or answered for an hour,
              C(overdue_mail), which this server has not read for an hour, and C(undeliverable), which are for no server of the
              fleet and nobody has read. What has no time that can be read counts as overdue.
          type: dict
          sample: {"total": 59, "unread": {"build1": 0, "build2": 1}, "overdue_requests": [], "overdue_mail": [], "undeliverable": []}
        outbox:
          description:
            - What this server has accepted and the remote has not taken yet, C(waiting) writes since C(waiting_since), and
              C(set_aside), those that the remote refuses for their content. RV(ansible_facts.build_heartbeat.problems) names
              what waits for more than five minutes.
          type: dict
          sample: {"waiting": 0, "waiting_since": null, "set_aside": 0}
        remote_age_seconds:
          description: How old what was read is; 0 unless the remote could not be reached.
          type: int
          sample: 0
        problems:
          description: Why it is not healthy.
          type: list
          elements: str
          sample: ["build2: its last heartbeat is 412 s old"]
        healthy:
          description: Whether there are no problems.
          type: bool
          sample: true
reason:
  description: A stable name of what went wrong, for programs.
  returned: on failure
  type: str
  sample: unreachable
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acs.builders.plugins.module_utils import module_support
from ansible_collections.acs.builders.plugins.module_utils.coordination import __version__
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import (
    overdue_mail,
    read_health,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_refs import (
    DEFAULT_INTERVAL,
)


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Publish a heartbeat where asked to, and look at all servers."""
    beat = module.params["beat"]
    if beat and not module.check_mode:
        problems = overdue_mail(read_health(host))
        publish_heartbeat(host, compose_heartbeat(host, problems, DEFAULT_INTERVAL, __version__))
    return {"changed": beat, "ansible_facts": {"build_heartbeat": read_health(host)}}


def main() -> None:
    """Run the module."""
    module = module_support.BuildersModule(
        argument_spec={**module_support.COMMON_ARGUMENTS, "beat": {"type": "bool", "default": False}},
        supports_check_mode=True,
    )
    module_support.run(module, act)


if __name__ == "__main__":
    main()
