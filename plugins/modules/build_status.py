#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and publish the status of a build server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_status
short_description: Read and publish the status of a build server
version_added: 0.1.0
description:
  - Each build server publishes one status document in the Build repository, and only that server writes it.
  - Without O(status), this module returns the document of this server, or of O(server).
  - With O(status), it publishes a new document in one commit, unless the published one already has these values.
extends_documentation_fragment:
  - acs.builders.builders
options:
  status:
    description:
      - The status of this server.
      - V(building) starts the current job. V(success) and V(failed) end it and record it as the last build, with its duration.
    type: str
    choices: [idle, building, success, failed]
  job:
    description:
      - The id of the job. The default is the current job, or a new id.
      - To report two successive builds without V(building), set an id for each.
    type: str
  git_branch:
    description: The branch of the build.
    type: str
  git_commit:
    description: The commit of the build.
    type: str
  log:
    description: The path of the log of the build on this server.
    type: str
  artifacts:
    description: The paths of the built files, with O(status=success) or O(status=failed).
    type: list
    elements: str
  server:
    description: The server whose document to read. Mutually exclusive with O(status), because a server publishes only its own status.
    type: str
  offline:
    description:
      - The behavior if the remote does not accept a write within O(timeout). With V(queue), the write waits in the outbox of this
        server, and the service or the next module that reaches the remote delivers it once and in order. V(fail) fails.
    type: str
    choices: [queue, fail]
    default: queue
  secrets:
    description:
      - The behavior if a text contains what looks like a token or private key. V(refuse) writes nothing and reports the place.
        V(redact) replaces it with a placeholder. V(allow) writes it, for false positives.
      - The token of this server is never written.
    type: str
    choices: [refuse, redact, allow]
    default: refuse
seealso:
  - module: acs.builders.build_message
  - module: acs.builders.build_heartbeat_fact
"""

EXAMPLES = r"""
# At a shell of the controller: ansible build1 -m build_status
- name: Publish that a build starts
  acs.builders.build_status:
    status: building
    job: job_1795245106
    git_branch: main
    git_commit: d8e22ab0af7881b17ddd086bcae2a42a74bfc661
    log: /root/build-logs/job_1795245106.log

- name: Publish that the build succeeded
  acs.builders.build_status:
    status: success
    artifacts:
      - /root/cloudstack-management_4.21.0.0-SNAPSHOT_all.deb

- name: Read the status of build2
  acs.builders.build_status:
    server: build2
  register: partner
"""

RETURN = r"""
server:
  description: The server that the status is about.
  returned: success
  type: str
  sample: build1
verified:
  description:
    - Whether the server wrote the status. V(true) means signed by the server. V(false) means forged or changed. V(unsigned) means
      without a signature.
    - This is a text.
  returned: if a status is read
  type: str
  sample: "true"
verified_reason:
  description: The reason of RV(verified).
  returned: if a status is read
  type: str
  sample: signed by build1
status:
  description: The whole status document; empty if the server has published none. Unknown keys are kept.
  returned: success
  type: dict
  contains:
    server:
      description: The id of the server.
      type: str
      sample: build1
    hostname:
      description: The host name of the server.
      type: str
      sample: ll-ACSBuilder1
    ip:
      description: The address of the server.
      type: str
      sample: 10.1.3.175
    manager:
      description: The manager of the server.
      type: str
      sample: Codex
    timestamp:
      description: The time of publication, in UTC.
      type: str
      sample: "2026-11-22T07:11:46Z"
    status:
      description: V(idle), V(building), V(success) or V(failed).
      type: str
      sample: building
    current_job:
      description: The current job, with C(id), C(started_at), C(branch), C(commit) and C(log); null if there is none.
      type: dict
      sample: {"id": "job_1795245106", "started_at": "2026-11-22T07:11:46Z", "branch": "main", "commit": null, "log": null}
    last_build:
      description: The last job that ended, also with C(duration_seconds) and C(artifacts); null if there was none.
      type: dict
      sample: {"id": "job_1795240000", "status": "success", "duration_seconds": 399}
    system:
      description: The load in percent, the used memory and the free disk space in GB at the time of publication.
      type: dict
      sample: {"cpu_usage": 2.1, "memory_used_gb": 8.5, "disk_free_gb": 450.0}
    unverified:
      description:
        - The content of an earlier document that the server had not signed, if trust is set up. The signature does not cover it, and
          anyone may have written it. Missing if there was none.
      type: dict
      sample: {"last_package": {"id": "job_1795240000", "status": "success"}}
    capabilities:
      description: The hardware of the server.
      type: dict
      sample: {"cores": 32, "memory_gb": 128}
queued:
  description: Whether this status waits in the outbox of this server.
  returned: success
  type: bool
  sample: false
remote_age_seconds:
  description: The age of the data in seconds; 0 unless the remote could not be reached.
  returned: without O(status)
  type: int
  sample: 0
delivery:
  description:
    - V(pushed) if the remote has accepted a commit, V(queued) if the write waits in the outbox of this server.
    - V(none) if there was nothing to write, and in check mode.
  returned: with O(status)
  type: str
  sample: pushed
commit:
  description: The commit that was read or pushed.
  returned: when there is one
  type: str
  sample: 4f1c2a90b7de35a1c86f0d2e9b4a7c5d6e8f1a23
attempts:
  description: The number of pushes; V(0) if another process of the server pushed the write with its own.
  returned: with O(status)
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
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import (
    show_status,
    write_status,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Read a status document, or publish that of this server."""
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
    published = {"server": host.id, "status": receipt.result.as_dict(), "queued": receipt.queued}
    return {**module_support.written(module, receipt), **published}


def _shown(host: Host, server: str) -> dict[str, Any]:
    seen = show_status(host, server)
    return {
        "changed": False,
        "server": server,
        "status": seen.status.as_dict(),
        "queued": seen.queued,
        "verified": seen.verification.verified,
        "verified_reason": seen.verification.reason,
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
