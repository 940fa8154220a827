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
  - Returns the heartbeat and the status of every build server, the jobs and the messages as C(ansible_facts.build_heartbeat).
  - A document that cannot be read is listed in C(problems). The other documents are still returned.
  - C(problems) are those of servers, of documents, and of the trust in them. C(attention) is what a manager has to do, such as to read
    overdue mail. It makes no server unhealthy.
  - Only the heartbeat service, and this module with O(beat=true), record what was seen. On a server without such a record, the age of a
    heartbeat is that of its timestamp, and C(problems) does not name forged messages, nor heartbeats, statuses and messages that
    were deleted or replaced by older ones.
extends_documentation_fragment:
  - acs.builders.builders
options:
  beat:
    description:
      - Whether to publish a heartbeat of this server first.
      - Also records what was seen of the other servers and of the mailbox, with which later calls compare.
      - Only needed on servers without the heartbeat service, which does both every minute.
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
- name: Read the health of all servers
  acs.builders.build_heartbeat_fact:

- name: Fail if the partner is silent
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
      description: The health of the servers, as this server sees it.
      type: dict
      contains:
        server_id:
          description: The id of this server.
          type: str
          sample: build1
        partner:
          description: The partner of this server; empty if it has none.
          type: str
          sample: build2
        servers:
          description:
            - Every server by its id, with C(state), C(age_seconds), C(heartbeat_at), C(clock_skew_seconds), C(interval_seconds), C(status),
              C(manager), C(manager_last_active), C(manager_last_active_seconds), C(current_job), C(last_build), C(expected),
              C(problems) and C(attention).
            - C(problems) and C(attention) of this server are determined now, those of another one are as in its last heartbeat.
            - C(verified) and C(verified_reason) are the verification of the heartbeat, C(status_verified) and
              C(status_verified_reason) that of the status, see RV(acs.builders.build_status#module:verified). A document that fails
              verification is a problem, and such a heartbeat does not count.
            - C(status_queued) is true if the status of this server waits in its outbox. C(status_verified) is then about the
              previous status.
            - C(state) is V(ok), V(aging) after 120 s without a heartbeat, V(stale) after 300 s, or V(missing) if no heartbeat was
              ever seen. If the interval of the server is longer than 60 s, both limits are longer in proportion.
            - C(clock_skew_seconds) is the time by which the clock of the server is behind that of this server; null if the arrival of
              its heartbeat was not observed.
            - C(alerts) is whether the server can send alerts for the fleet.
          type: dict
          sample: {"build2": {"state": "ok", "age_seconds": 12, "status": "idle", "manager": "GitHub Copilot", "problems": []}}
        jobs:
          description: The number of jobs by status.
          type: dict
          sample: {"queued": 1, "completed": 2}
        messages:
          description:
            - The numbers C(total) and, for each server, C(unread).
            - C(overdue_requests) were neither read nor answered for an hour. C(overdue_mail) was not read by this server for an
              hour. A message without a valid time counts as overdue.
            - C(operator_questions) wait for an answer of the operator. C(verified) is that of their sender, as in
              M(acs.builders.build_message).
            - Each of these messages has C(age_seconds), null without a valid time.
            - C(undeliverable) are unread messages that are addressed to no server of the fleet.
          type: dict
          sample: {"total": 59, "unread": {"build1": 0, "build2": 1}, "operator_questions": [], "overdue_requests": [], "overdue_mail": [], "undeliverable": []}
        outbox:
          description:
            - The writes of this server that the remote has not accepted yet. C(waiting) is their number, C(waiting_since) the time
              of the oldest, C(waiting_seconds) its age. C(set_aside) is the number of writes that the remote rejects because of their
              content.
            - Writes that wait for more than five minutes are listed in RV(ansible_facts.build_heartbeat.attention).
          type: dict
          sample: {"waiting": 0, "waiting_since": null, "waiting_seconds": null, "set_aside": 0}
        alarms:
          description:
            - The alarms of the last day about messages that were forged or deleted, each with C(id), C(text), C(at), C(age_seconds) and
              C(dismissed). Those that are not dismissed are also in RV(ansible_facts.build_heartbeat.problems).
            - C(builderctl health --dismiss ID) dismisses one on this server.
          type: list
          elements: dict
          sample: []
        service_running:
          description: Whether the heartbeat service of this server runs.
          type: bool
          sample: true
        clock_difference_seconds:
          description:
            - The seconds by which the clock of this server is ahead of the median of the clocks of the other servers; null if the arrival
              of their heartbeats was not observed.
          type: int
          sample: 0
        remote_age_seconds:
          description: The age of the data in seconds; 0 unless the remote could not be reached.
          type: int
          sample: 0
        problems:
          description: The reasons why the fleet is not healthy, each in one sentence with its remedy.
          type: list
          elements: str
          sample: ["build2: its last heartbeat is 6 min old. Run on the controller: ansible-playbook playbooks/recover.yml -l build2"]
        attention:
          description: What the managers have to do, each in one sentence with the command for it.
          type: list
          elements: str
          sample: ["build1: 1 message is unread for too long, the oldest from build2 for 3 h (msg_1). Read and answer: builderctl read"]
        healthy:
          description: Whether there are no problems.
          type: bool
          sample: true
reason:
  description: The kind of the error, a stable name for programs.
  returned: on failure
  type: str
  sample: unreachable
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acs.builders.plugins.module_utils import module_support
from ansible_collections.acs.builders.plugins.module_utils.coordination import __version__
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.mailbox import readable_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_document import (
    DEFAULT_INTERVAL,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.mail_progress import mail_progress
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.own_state import (
    machine_problems,
    own_attention,
)


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Publish a heartbeat if requested, and read the health of all servers."""
    beat = module.params["beat"]
    if beat and not module.check_mode:
        health = read_health(host, keep=True)
        progress, problems = mail_progress(host, host.repository.look(readable_messages))
        problems += machine_problems(host, health["clock_difference_seconds"]).values()
        attention = own_attention(host, health["messages"]["overdue_mail"])
        heartbeat = compose_heartbeat(
            host, problems, DEFAULT_INTERVAL, __version__, progress=progress, attention=attention
        )
        publish_heartbeat(host, heartbeat)
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
