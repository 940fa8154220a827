#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a build job on a build server and report its result."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_job
short_description: Run a build job on a build server and report its result
version_added: 0.1.0
description:
  - Starts a command that continues if Ansible is interrupted. Publishes its start and its result in the status of the server
    and in a message to its partner, or to all servers if it has none.
  - This module or the heartbeat service of the server, whichever sees the end first, closes the job and reports its result,
    once. A job whose process is gone is closed as failed.
  - A server runs one job at a time.
extends_documentation_fragment:
  - acs.builders.builders
options:
  state:
    description:
      - V(watched) waits O(wait) seconds for the end of the job, returns its state, and closes it if it has ended.
      - V(started) publishes the start of a job and starts it. It changes nothing if the job is already running.
    type: str
    choices: [watched, started]
    default: watched
  job:
    description: The id of the job, 1 to 64 letters, digits and C(._-). It is also the name of the log. Required for O(state=started).
    type: str
  source:
    description: The folder in which the command runs. Required for O(state=started).
    type: path
  command:
    description: A command line for bash. Required for O(state=started).
    type: str
  time_limit:
    description: Seconds after which the command and all its processes are terminated.
    type: int
    default: 7200
  artifacts:
    description: Shell patterns of the files in O(source) that the job produces. Their sizes and SHA-256 sums are reported.
    type: list
    elements: str
    default: []
  log_folder:
    description: The folder of the log. It is created with mode 0700 if it is missing.
    type: path
    default: /root/build-logs
  wait:
    description: Seconds to wait for the end of the job, with O(state=watched).
    type: int
    default: 0
seealso:
  - module: acs.builders.build_status
"""

EXAMPLES = r"""
- name: Start a build
  acs.builders.build_job:
    state: started
    job: job_42
    source: /root/src/cloudstack
    command: mvn --batch-mode -Dnoredist package
    time_limit: 3600
    artifacts: ["*.deb"]

- name: Wait for the end of the build, up to ten minutes
  acs.builders.build_job:
    wait: 600
  register: built
  failed_when: built.job.status | default('') == 'failed'
"""

RETURN = r"""
job:
  description: The job that was started last; empty if none was ever started.
  returned: success
  type: dict
  contains:
    id:
      description: The id of the job.
      type: str
      sample: job_42
    running:
      description: Whether the job runs, or could not be closed yet.
      type: bool
      sample: false
    elapsed_seconds:
      description: Seconds since the start.
      type: int
      sample: 401
    log:
      description: The path of the log.
      type: str
      sample: /root/build-logs/job_42.log
    log_size:
      description: The size of the log in bytes.
      type: int
      sample: 4200000
    last_lines:
      description: The last lines of the log, at most 20.
      type: list
      elements: str
      sample: ["[INFO] BUILD SUCCESS"]
    branch:
      description: The branch of the source; null if it is not a Git repository.
      type: str
      sample: main
    commit:
      description: The commit of the source; null if it is not a Git repository.
      type: str
      sample: d8e22ab0af7881b17ddd086bcae2a42a74bfc661
    started_at:
      description: The time of the start, in UTC.
      type: str
      sample: "2026-11-22T07:11:46Z"
    status:
      description: V(success) or V(failed) after the end.
      type: str
      sample: success
    reason:
      description: The reason of the end.
      type: str
      sample: exit code 0
    exit_code:
      description: The exit code of the command; null if it has none.
      type: int
      sample: 0
    completed_at:
      description: The time of the end, in UTC.
      type: str
      sample: "2026-11-22T07:18:25Z"
    duration_seconds:
      description: Seconds from the start to the end.
      type: int
      sample: 399
    artifacts:
      description: The produced files, each with C(path), C(size) in bytes and C(sha256), at most 100.
      type: list
      elements: dict
      sample: [{"path": "/root/src/cloudstack/a.deb", "size": 1024, "sha256": "0cc175b9c0f1b6a831c399e269772661"}]
    more_artifacts:
      description: The number of further files.
      type: int
      sample: 0
reason:
  description: The kind of the error, a stable name for programs.
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
    """Start a job, or return its state."""
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
