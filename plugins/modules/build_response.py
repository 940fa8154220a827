#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer messages of known kinds by a playbook."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_response
short_description: Answer messages of known kinds by a playbook
version_added: 0.1.0
description:
  - The role P(acs.builders.build_respond#role) uses it to find out what is to be done about the unread messages of a build
    server, and to send all answers in one commit.
  - It plans by the operator's rules. A message is answered when its sender has signed it for this server, it is not older
    than a day, was not acted upon or answered before, and its sender may ask for what it asks for.
  - Unlike M(acs.builders.build_message), it is no sign of life of the server's manager, and it leaves alone what the manager
    has listed.
extends_documentation_fragment:
  - acs.builders.builders
options:
  state:
    description:
      - V(planned) returns what is to be done about each unread message, and changes nothing.
      - V(sent) sends O(responses) in one commit. A message that this server has answered before is not answered again.
    type: str
    choices: [planned, sent]
    default: planned
  allowed_actions:
    description:
      - For each server, the kinds of messages that are answered, from V(install_packages), V(check_packages),
        V(status_report), V(build_started), V(build_failed), V(stale_heartbeat) and V(facts). V(all) stands for the servers
        that are not named.
      - Every kind for every server when left out.
    type: dict
  allowed_packages:
    description: Shell patterns of the packages that may be installed. None when left out.
    type: list
    elements: str
    default: []
  allowed_paths:
    description: The Git repositories on this server whose commit is told.
    type: list
    elements: str
    default: []
  reply_deadline:
    description: Seconds after which a message that waits for the manager is overdue.
    type: int
    default: 3600
  responses:
    description: What is done about messages. Required for O(state=sent).
    type: list
    elements: dict
    suboptions:
      id:
        description: The message.
        type: str
        required: true
      body:
        description:
          - The answer, 1 to 10,000 characters. None is sent when left out.
          - What looks like a secret in it is redacted.
        type: str
      type:
        description: The kind of the answer.
        type: str
        choices: [info, warning, error]
        default: info
      facts:
        description: Facts for programs, each with C(name), C(value) and, when known, C(observed_at).
        type: list
        elements: dict
        default: []
      acknowledge:
        description: Whether the message is acknowledged.
        type: bool
        default: false
      mark_read:
        description: Whether it is marked read. Otherwise it stays in front of the manager.
        type: bool
        default: true
seealso:
  - module: acs.builders.build_message
"""

EXAMPLES = r"""
- name: See what would be done about the unread messages
  acs.builders.build_response:
    allowed_actions:
      build1: [install_packages, check_packages, status_report]
      all: [status_report]
    allowed_packages: ["lib*-dev"]
  register: plan

- name: Answer the first of them
  acs.builders.build_response:
    state: sent
    responses:
      - id: "{{ plan.steps[0].message.id }}"
        body: build2 is idle.
        facts:
          - name: status
            value: idle
"""

RETURN = r"""
steps:
  description: What is to be done about each unread message, the most urgent first.
  returned: for O(state=planned)
  type: list
  elements: dict
  contains:
    message:
      description: The message, as M(acs.builders.build_message) lists it.
      type: dict
      sample: {"id": "msg_1795245106_9f86d081884c7d65", "from": "build1", "subject": "Install libmysqlclient-dev"}
    decision:
      description:
        - V(answer), answer it. V(finish), answer what was begun before, without doing it again. V(decline), answer with
          RV(steps[].reason). V(mark), only mark it. V(leave), leave it to the manager.
      type: str
      sample: answer
    reason:
      description: Why.
      type: str
      sample: build1 may ask for install_packages
    kind:
      description: What it asks for, as in O(allowed_actions); empty when that is not known.
      type: str
      sample: install_packages
    details:
      description: What the kind needs.
      type: dict
      sample: {"packages": ["libmysqlclient-dev"]}
    acts:
      description: Whether something is changed on this server, which has to be recorded with O(acs.builders.build_message#module:state=acted) before.
      type: bool
      sample: true
    acknowledge:
      description: Whether it is to be acknowledged.
      type: bool
      sample: false
    mark_read:
      description: Whether it is to be marked read.
      type: bool
      sample: true
    position:
      description: Its place in the mailbox, the oldest first.
      type: int
      sample: 12
    overdue:
      description: Whether it has waited for longer than O(reply_deadline).
      type: bool
      sample: false
messages:
  description: The answers that were sent.
  returned: for O(state=sent)
  type: list
  elements: dict
  sample: [{"id": "msg_1795245107_0cc175b9c0f1b6a8", "in_reply_to": "msg_1795245106_9f86d081884c7d65"}]
delivery:
  description:
    - V(pushed) when the remote has taken a commit, V(queued) when the write waits in the outbox of this server.
    - V(none) when there was nothing to write or in check mode.
  returned: for O(state=sent)
  type: str
  sample: pushed
commit:
  description: The commit that was pushed.
  returned: for O(state=sent), when there is one
  type: str
  sample: 4f1c2a90b7de35a1c86f0d2e9b4a7c5d6e8f1a23
attempts:
  description: How many pushes it took; V(0) when another process of the server pushed the write with its own.
  returned: for O(state=sent)
  type: int
  sample: 1
reason:
  description: A stable name of what went wrong, for programs.
  returned: on failure
  type: str
  sample: unreachable
"""

from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acs.builders.plugins.module_utils import module_support
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply import batch, plan
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail import message
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import listing


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Plan, or send what was planned."""
    params = module.params
    if params["state"] == "planned":
        names = {"packages": "allowed_packages", "paths": "allowed_paths", "deadline": "reply_deadline"}
        rules = plan.Rules(**{name: params[option] for name, option in names.items()})
        if params["allowed_actions"] is not None:
            rules = replace(rules, actions=params["allowed_actions"])
        return {"changed": False, "steps": [step._asdict() for step in plan.plan(host, rules)]}
    receipt = batch.respond(host, [_response(one) for one in params["responses"]])
    return {**module_support.written(module, receipt), "messages": listing.shown(host, receipt.result)}


def _response(given: dict[str, Any]) -> batch.Response:
    draft = None
    if given["body"] is not None:
        draft = message.Draft(subject="", body=given["body"], type=given["type"], facts=tuple(given["facts"]))
    return batch.Response(given["id"], draft, given["acknowledge"], given["mark_read"])


def main() -> None:
    """Run the module."""
    response = {
        "id": {"type": "str", "required": True},
        "body": {"type": "str"},
        "type": {"type": "str", "choices": ["info", "warning", "error"], "default": "info"},
        "facts": {"type": "list", "elements": "dict", "default": []},
        "acknowledge": {"type": "bool", "default": False},
        "mark_read": {"type": "bool", "default": True},
    }
    module = module_support.BuildersModule(
        argument_spec={
            **module_support.COMMON_ARGUMENTS,
            "state": {"type": "str", "choices": ["planned", "sent"], "default": "planned"},
            "allowed_actions": {"type": "dict"},
            "allowed_packages": {"type": "list", "elements": "str", "default": []},
            "allowed_paths": {"type": "list", "elements": "str", "default": []},
            "reply_deadline": {"type": "int", "default": 3600},
            "responses": {"type": "list", "elements": "dict", "options": response},
        },
        required_if=[("state", "sent", ["responses"])],
        supports_check_mode=True,
    )
    module_support.run(module, act)


if __name__ == "__main__":
    main()
