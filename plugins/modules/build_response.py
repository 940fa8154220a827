#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan and send the answers of a playbook to messages."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_response
short_description: Plan and send the answers of a playbook to messages
version_added: 0.1.0
description:
  - The role P(acs.builders.build_respond#role) uses it to plan the responses to the unread messages of a build server, to record
    upon which messages the server acts, and to send all answers in one commit.
  - The plan follows the rules of the operator. A message is answered if it is signed by its sender, addressed to this server, not
    older than a day, not acted upon or answered before, and if its sender is allowed to make the request.
  - Unlike M(acs.builders.build_message), it does not count as activity of the manager, and does not change the last listing.
extends_documentation_fragment:
  - acs.builders.builders
options:
  state:
    description:
      - V(planned) returns the planned response to each unread message, and facts of this server for the answers. It changes nothing.
      - V(begun) records that this server acts upon the messages O(ids), as O(acs.builders.build_message#module:state=acted) does for
        one. Use it before the actions. Of several tasks, one returns the id of a message in RV(begun), and only that one may act.
      - V(sent) sends O(responses) in one commit. A message that this server has already answered is not answered again.
    type: str
    choices: [planned, begun, sent]
    default: planned
  allowed_actions:
    description:
      - For each server, the kinds of messages to answer, from V(install_packages), V(check_packages), V(status_report),
        V(build_started), V(build_failed), V(stale_heartbeat) and V(facts). V(all) applies to servers that are not listed.
      - The default is every kind for every server.
    type: dict
  allowed_packages:
    description: Shell patterns of the packages that may be installed. The default is none.
    type: list
    elements: str
    default: []
  allowed_paths:
    description: The Git repositories on this server whose commits may be requested.
    type: list
    elements: str
    default: []
  reply_deadline:
    description: Seconds after which a message for the manager is overdue.
    type: int
    default: 3600
  ids:
    description: The messages to act upon. Required for O(state=begun).
    type: list
    elements: str
  responses:
    description: The responses to messages. Required for O(state=sent).
    type: list
    elements: dict
    suboptions:
      id:
        description: The id of the message.
        type: str
        required: true
      body:
        description:
          - The text of the answer, 1 to 10,000 characters. Without it, no answer is sent.
          - Text that looks like a secret is redacted.
        type: str
      type:
        description: The type of the answer.
        type: str
        choices: [info, warning, error]
        default: info
      facts:
        description: Facts for programs, each with C(name), C(value) and, if known, C(observed_at).
        type: list
        elements: dict
        default: []
      acknowledge:
        description: Whether to acknowledge the message.
        type: bool
        default: false
      mark_read:
        description: Whether to mark the message as read. Otherwise it stays unread for the manager.
        type: bool
        default: true
seealso:
  - module: acs.builders.build_message
"""

EXAMPLES = r"""
- name: Plan the responses to the unread messages
  acs.builders.build_response:
    allowed_actions:
      build1: [install_packages, check_packages, status_report]
      all: [status_report]
    allowed_packages: ["lib*-dev"]
  register: plan

- name: Answer the first message
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
  description: The planned response to each unread message, the most urgent message first.
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
        - V(answer) executes and answers the message. V(finish) answers a message whose execution was interrupted, without executing it
          again. V(decline) answers with RV(steps[].reason). V(mark) only marks it. V(leave) leaves it to the manager.
      type: str
      sample: answer
    reason:
      description: The reason of the decision.
      type: str
      sample: build1 is allowed to request install_packages
    kind:
      description: The kind of the request, as in O(allowed_actions); empty if it is unknown.
      type: str
      sample: install_packages
    details:
      description: The parameters of the request.
      type: dict
      sample: {"packages": ["libmysqlclient-dev"]}
    acts:
      description: Whether the response changes this server. It must then be recorded first with O(state=begun).
      type: bool
      sample: true
    acknowledge:
      description: Whether to acknowledge the message.
      type: bool
      sample: false
    mark_read:
      description: Whether to mark the message as read.
      type: bool
      sample: true
    position:
      description: The position of the message in the mailbox, the oldest first.
      type: int
      sample: 12
    overdue:
      description: Whether the message is older than O(reply_deadline).
      type: bool
      sample: false
    round:
      description:
        - The number of the round in which the packages of the request are installed, from 1; 0 if none are installed.
        - The packages of all requests of a round can be installed together. A request for another version of a package is in a later
          round.
      type: int
      sample: 0
    facts:
      description: The facts of the answer, each with C(name) and C(value), as far as no action changes them.
      type: list
      elements: dict
      sample: [{"name": "status", "value": "idle"}]
environment:
  description:
    - The environment of this server, as M(acs.builders.build_environment_fact) returns it, with the packages that requests for
      facts name and the commits of O(allowed_paths).
  returned: for O(state=planned), if there is something to answer
  type: dict
  sample: {"observed_at": "2026-11-22T07:11:46Z", "kernel": "6.1.0-18-amd64", "load": [2.1, 1.75, 0.9]}
status:
  description: The status of this server, as M(acs.builders.build_status) returns it; empty if it has published none.
  returned: for O(state=planned), if there is something to answer
  type: dict
  sample: {"server": "build2", "status": "idle"}
begun:
  description: The messages that were not recorded before. Only the task that returns a message here may act upon it.
  returned: for O(state=begun)
  type: list
  elements: str
  sample: [msg_1795245106_9f86d081884c7d65]
refused:
  description: For each message that must not be acted upon, the reason.
  returned: for O(state=begun)
  type: dict
  sample: {"msg_1795245106_9f86d081884c7d65": "The message must not be acted upon. Leave it to the manager."}
messages:
  description: The answers that were sent.
  returned: for O(state=sent)
  type: list
  elements: dict
  sample: [{"id": "msg_1795245107_0cc175b9c0f1b6a8", "in_reply_to": "msg_1795245106_9f86d081884c7d65"}]
delivery:
  description:
    - V(pushed) if the remote has accepted a commit, V(queued) if the write waits in the outbox of this server.
    - V(none) if there was nothing to write, and in check mode.
  returned: for O(state=sent)
  type: str
  sample: pushed
commit:
  description: The commit that was pushed.
  returned: for O(state=sent), when there is one
  type: str
  sample: 4f1c2a90b7de35a1c86f0d2e9b4a7c5d6e8f1a23
attempts:
  description: The number of pushes; V(0) if another process of the server pushed the write with its own.
  returned: for O(state=sent)
  type: int
  sample: 1
reason:
  description: The kind of the error, a stable name for programs.
  returned: on failure
  type: str
  sample: unreachable
"""

from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acs.builders.plugins.module_utils import module_support
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply import batch, begin, gather, plan
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import listing


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Plan responses, record actions, or send responses."""
    params = module.params
    if params["state"] == "planned":
        names = {"packages": "allowed_packages", "paths": "allowed_paths", "deadline": "reply_deadline"}
        rules = plan.Rules(**{name: params[option] for name, option in names.items()})
        if params["allowed_actions"] is not None:
            rules = replace(rules, actions=params["allowed_actions"])
        steps, found = gather.gather(host, plan.plan(host, rules), rules.paths)
        return {"changed": False, "steps": [step._asdict() for step in steps], **found}
    if params["state"] == "begun":
        begun, refused = begin.begin(host, params["ids"])
        return {"changed": bool(begun), "begun": begun, "refused": refused}
    receipt = batch.respond(host, [_response(one) for one in params["responses"]])
    return {**module_support.written(module, receipt), "messages": listing.shown(host, receipt.result)}


def _response(given: dict[str, Any]) -> batch.Response:
    draft = None
    if given["body"] is not None:
        draft = Draft(subject="", body=given["body"], type=given["type"], facts=tuple(given["facts"]))
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
            "state": {"type": "str", "choices": ["planned", "begun", "sent"], "default": "planned"},
            "allowed_actions": {"type": "dict"},
            "allowed_packages": {"type": "list", "elements": "str", "default": []},
            "allowed_paths": {"type": "list", "elements": "str", "default": []},
            "reply_deadline": {"type": "int", "default": 3600},
            "ids": {"type": "list", "elements": "str"},
            "responses": {"type": "list", "elements": "dict", "options": response},
        },
        required_if=[("state", "begun", ["ids"]), ("state", "sent", ["responses"])],
        supports_check_mode=True,
    )
    module_support.run(module, act)


if __name__ == "__main__":
    main()
