#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a build job on a build server and tell everybody how it went."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_job
short_description: Run a build job on a build server and tell everybody how it went
version_added: 0.1.0
description:
  - Starts a command that goes on when Ansible is gone, publishes that it begins and how it ended, in the status of the server
    and in a message to its partner, or to all where it has none.
  - A job that ended is closed by whoever looks first, this module or the server's heartbeat service; one whose process is gone
    is closed as failed. It is told once.
  - A server runs one job at a time.
extends_documentation_fragment:
  - acs.builders.builders
options:
  state:
    description:
      - V(watched) tells how the job is, waits O(wait) seconds for its end, and closes it when it has ended.
      - V(started) publishes that a job begins and starts it. Nothing happens when it runs already.
    type: str
    choices: [watched, started]
    default: watched
  job:
    description: The id of the job, 1 to 64 letters, digits and C(._-). Its log is named so. Required for O(state=started).
    type: str
  source:
    description: The folder that the command runs in. Required for O(state=started).
    type: path
  command:
    description: A command line for bash. Required for O(state=started).
    type: str
  time_limit:
    description: Seconds after which the command and all that it has started are ended.
    type: int
    default: 7200
  artifacts:
    description: Shell patterns of the files that the job makes, in O(source). Their sizes and SHA-256 are told.
    type: list
    elements: str
    default: []
  log_folder:
    description: The folder of the log, made with mode 0700 when there is none.
    type: path
    default: /root/build-logs
  wait:
    description: Seconds to wait for the end, with O(state=watched).
    type: int
    default: 0
seealso:
  - module: acs.builders.build_status
"""

EXAMPLES = r"""
- name: Build
  acs.builders.build_job:
    state: started
    job: job_42
    source: /root/src/cloudstack
    command: mvn --batch-mode -Dnoredist package
    time_limit: 3600
    artifacts: ["*.deb"]

- name: Wait for its end, up to ten minutes
  acs.builders.build_job:
    wait: 600
  register: built
  failed_when: built.job.status | default('') == 'failed'
"""

RETURN = r"""
job:
  description: The job that was started last; empty when there never was one.
  returned: success
  type: dict
  contains:
    id:
      description: Its id.
      type: str
      sample: job_42
    running:
      description: Whether it runs, or could not be closed yet.
      type: bool
      sample: false
    elapsed_seconds:
      description: Seconds since it was started.
      type: int
      sample: 401
    log:
      description: The path of its log.
      type: str
      sample: /root/build-logs/job_42.log
    log_size:
      description: The size of its log in bytes.
      type: int
      sample: 4200000
    last_lines:
      description: The last lines of its log, at most 20.
      type: list
      elements: str
      sample: ["[INFO] BUILD SUCCESS"]
    branch:
      description: The branch of the source, null when it is no Git repository.
      type: str
      sample: main
    commit:
      description: The commit of the source, null when it is no Git repository.
      type: str
      sample: d8e22ab0af7881b17ddd086bcae2a42a74bfc661
    started_at:
      description: When it was started, in UTC.
      type: str
      sample: "2026-11-22T07:11:46Z"
    status:
      description: V(success) or V(failed), once it has ended.
      type: str
      sample: success
    reason:
      description: How it ended.
      type: str
      sample: exit code 0
    exit_code:
      description: The exit code of the command, null when it has none.
      type: int
      sample: 0
    completed_at:
      description: When it ended, in UTC.
      type: str
      sample: "2026-11-22T07:18:25Z"
    duration_seconds:
      description: Seconds from its start to its end.
      type: int
      sample: 399
    artifacts:
      description: The files that it made, each with C(path), C(size) in bytes and C(sha256), at most 100.
      type: list
      elements: dict
      sample: [{"path": "/root/src/cloudstack/a.deb", "size": 1024, "sha256": "0cc175b9c0f1b6a831c399e269772661"}]
    more_artifacts:
      description: How many more files it made.
      type: int
      sample: 0
reason:
  description: A stable name of what went wrong, for programs.
  returned: on failure
  type: str
  sample: unreachable
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acs.builders.plugins.module_utils import module_support
from ansible_collections.acs.builders.plugins.module_utils.coordination.builds import job as jobs
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Start a job, or look how it is."""
    params = module.params
    if params["state"] == "watched":
        seen, closed = jobs.watch(host, max(0, params["wait"]))
        return {"changed": closed, "job": seen}
    job = jobs.Job(
        id=params["job"],
        source=params["source"],
        command=params["command"],
        time_limit=params["time_limit"],
        artifacts=tuple(params["artifacts"]),
        log_folder=params["log_folder"],
    )
    started = jobs.start(host, job)
    return {"changed": started, "job": {"id": job.id} if host.check_mode else jobs.watch(host)[0]}


def main() -> None:
    """Run the module."""
    module = module_support.BuildersModule(
        argument_spec={
            **module_support.COMMON_ARGUMENTS,
            "state": {"type": "str", "choices": ["watched", "started"], "default": "watched"},
            "job": {"type": "str"},
            "source": {"type": "path"},
            "command": {"type": "str"},
            "time_limit": {"type": "int", "default": 7200},
            "artifacts": {"type": "list", "elements": "str", "default": []},
            "log_folder": {"type": "path", "default": "/root/build-logs"},
            "wait": {"type": "int", "default": 0},
        },
        required_if=[("state", "started", ["job", "source", "command"])],
        supports_check_mode=True,
    )
    module_support.run(module, act)


if __name__ == "__main__":
    main()
