#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and publish what a build server is doing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_status
short_description: Read and publish what a build server is doing
version_added: 0.1.0
description:
  - Each build server publishes one status document in the Build repository, and only that server writes it.
  - Without O(status), this module returns the document of this server, or of O(server).
  - With O(status), it publishes a new one as one commit, unless the document says so already.
extends_documentation_fragment:
  - acs.builders.builders
options:
  status:
    description:
      - What this server is doing.
      - V(building) starts the current job; V(success) and V(failed) close it into the last build, with its duration.
    type: str
    choices: [idle, building, success, failed]
  job:
    description:
      - The id of the job. When left out, the job that is being built, or a new id.
      - To report two builds in a row that were not announced with V(building), give each its id.
    type: str
  git_branch:
    description: The branch that is built.
    type: str
  git_commit:
    description: The commit that is built.
    type: str
  log:
    description: The path of the build's log on this server.
    type: str
  artifacts:
    description: The paths of what was built, with O(status=success) or O(status=failed).
    type: list
    elements: str
  server:
    description: The server whose document is read. It cannot be given together with O(status), since no server speaks for another.
    type: str
  offline:
    description:
      - What becomes of a write when the remote does not take it within O(timeout). V(queue) keeps it in the outbox of this
        server, from where the service, or the next module that reaches the remote, delivers it once and in order. V(fail) fails.
    type: str
    choices: [queue, fail]
    default: queue
  secrets:
    description:
      - What is done when a text looks like a token or private key. V(refuse) writes nothing and says where it is, V(redact) puts a
        mark in its place, and V(allow) writes it, for what only looks like one.
      - The token of this server itself is never written.
    type: str
    choices: [refuse, redact, allow]
    default: refuse
seealso:
  - module: acs.builders.build_message
  - module: acs.builders.build_heartbeat_fact
"""

EXAMPLES = r"""
# At a shell of the controller: ansible build1 -m build_status
- name: Say that a build starts
  acs.builders.build_status:
    status: building
    job: job_1795245106
    git_branch: main
    git_commit: d8e22ab0af7881b17ddd086bcae2a42a74bfc661
    log: /root/build-logs/job_1795245106.log

- name: Say that it succeeded
  acs.builders.build_status:
    status: success
    artifacts:
      - /root/cloudstack-management_4.21.0.0-SNAPSHOT_all.deb

- name: See what build2 is doing
  acs.builders.build_status:
    server: build2
  register: partner
"""

RETURN = r"""
server:
  description: The server whose status this is.
  returned: success
  type: str
  sample: build1
verified:
  description:
    - Whether the server wrote it. V(true), it is signed by the server. V(false), it is not by the server or was changed.
      V(unsigned), it has no signature.
    - It is a text.
  returned: when a status is read
  type: str
  sample: "true"
verified_reason:
  description: Why.
  returned: when a status is read
  type: str
  sample: signed by build1
status:
  description: The whole status document, empty when that server has published none. Keys that this collection does not know are kept.
  returned: success
  type: dict
  contains:
    server:
      description: The server.
      type: str
      sample: build1
    hostname:
      description: Its host name.
      type: str
      sample: ll-ACSBuilder1
    ip:
      description: Its address.
      type: str
      sample: 10.1.3.175
    manager:
      description: Who manages it.
      type: str
      sample: Codex
    timestamp:
      description: When this was published, in UTC.
      type: str
      sample: "2026-11-22T07:11:46Z"
    status:
      description: V(idle), V(building), V(success) or V(failed).
      type: str
      sample: building
    current_job:
      description: The job that is being built, with C(id), C(started_at), C(branch), C(commit) and C(log); null when there is none.
      type: dict
      sample: {"id": "job_1795245106", "started_at": "2026-11-22T07:11:46Z", "branch": "main", "commit": null, "log": null}
    last_build:
      description: The last job that ended, with its C(duration_seconds) and C(artifacts) too; null when there was none.
      type: dict
      sample: {"id": "job_1795240000", "status": "success", "duration_seconds": 399}
    system:
      description: Load in percent, used memory and free disk in GB when it was published.
      type: dict
      sample: {"cpu_usage": 2.1, "memory_used_gb": 8.5, "disk_free_gb": 450.0}
    unverified:
      description:
        - What stood in a document that the server had not signed, where trust is set up. The signature does not cover it, and anybody
          may have written it. Missing where there was none.
      type: dict
      sample: {"last_package": {"id": "job_1795240000", "status": "success"}}
    capabilities:
      description: What the server has.
      type: dict
      sample: {"cores": 32, "memory_gb": 128}
queued:
  description: Whether this status waits in the outbox of this server, and the remote does not have it yet.
  returned: success
  type: bool
  sample: false
remote_age_seconds:
  description: How old what was read is; 0 unless the remote could not be reached.
  returned: without O(status)
  type: int
  sample: 0
delivery:
  description:
    - V(pushed) when the remote has taken a commit, V(queued) when the write waits in the outbox of this server.
    - V(none) when there was nothing to write or in check mode.
  returned: with O(status)
  type: str
  sample: pushed
commit:
  description: The commit that was read, or the one that was pushed.
  returned: when there is one
  type: str
  sample: 4f1c2a90b7de35a1c86f0d2e9b4a7c5d6e8f1a23
attempts:
  description: How many pushes it took; V(0) when another process of the server pushed the write with its own.
  returned: with O(status)
  type: int
  sample: 1
reason:
  description: A stable name of what went wrong, for programs.
  returned: on failure
  type: str
  sample: unreachable
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acs.builders.plugins.module_utils import module_support
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import (
    show_status,
    write_status,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.document import Report


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Read a status document, or publish this server's."""
    params = module.params
    if params["status"] is None:
        server = host.fleet.check_recipient(params["server"] or host.id)
        return _shown(host, server)
    report = Report(
        status=params["status"],
        job=params["job"],
        branch=params["git_branch"],
        commit=params["git_commit"],
        log=params["log"],
        artifacts=params["artifacts"] or (),
    )
    receipt = write_status(host, report, params["secrets"], params["offline"])
    told = {"server": host.id, "status": receipt.result, "queued": receipt.queued}
    return {**module_support.written(module, receipt), **told}


def _shown(host: Host, server: str) -> dict[str, Any]:
    seen = show_status(host, server)
    return {
        "changed": False,
        "server": server,
        "status": seen.status,
        "queued": seen.queued,
        "verified": seen.verdict.verified,
        "verified_reason": seen.verdict.reason,
        "remote_age_seconds": round(seen.age),
        "commit": seen.commit,
    }


def main() -> None:
    """Run the module."""
    details: dict[str, Any] = {name: {"type": "str"} for name in ("job", "git_branch", "git_commit", "log")}
    module = module_support.BuildersModule(
        argument_spec={
            **module_support.COMMON_ARGUMENTS,
            **details,
            "status": {"type": "str", "choices": ["idle", "building", "success", "failed"]},
            "artifacts": {"type": "list", "elements": "str"},
            "secrets": module_support.SECRETS_ARGUMENT,
            "offline": module_support.OFFLINE_ARGUMENT,
            "server": {"type": "str"},
        },
        mutually_exclusive=[("status", "server")],
        required_by=dict.fromkeys((*details, "artifacts"), "status"),
        supports_check_mode=True,
    )
    module_support.run(module, act)


if __name__ == "__main__":
    main()
