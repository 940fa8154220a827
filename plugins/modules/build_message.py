#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, send, answer and mark the messages between build servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_message
short_description: Read, send, answer and mark messages between build servers
version_added: 0.1.0
description:
  - Build servers send each other messages through one shared Git repository, the Build repository.
  - This module runs on a build server and speaks for that server. Without any options it lists the server's unread messages.
  - Every write is one commit that is pushed without force. When other servers write at the same time it is made again on top
    of theirs, so no message is lost and none is sent twice.
extends_documentation_fragment:
  - acs.builders.builders
options:
  state:
    description:
      - V(listed) lists messages and changes nothing in the repository.
      - V(sent) sends a message.
      - V(replied) answers the message O(id) to its sender, in its thread, and marks it read, in one commit.
      - V(read) marks messages read by this server.
      - V(acknowledged) acknowledges messages.
      - V(acted) records that this server acts upon the message O(id), before it does. Only the task
        that is told C(changed) acts. It fails when the message must not be acted upon.
      - V(awaited) waits for the reply to the message O(id) of this server or for its acknowledgement, or for a message that
        the filters select, and fails when none comes in time.
    type: str
    choices: [listed, sent, replied, read, acknowledged, acted, awaited]
    default: listed
  to:
    description:
      - The recipients of a message, server ids or V(all), which means every server but this one. For O(state=sent).
      - A list gives one message each, in one commit.
      - This server's partner when left out, or the only other server.
    type: list
    elements: str
  type:
    description: The kind of a message that is sent or answered with.
    type: str
    choices: [info, warning, error, request]
    default: info
  priority:
    description: The priority of a message that is sent or answered with.
    type: str
    choices: [low, normal, high]
    default: normal
  subject:
    description: One line of 1 to 100 characters. For O(state=sent); an answer gets C(Re:) and the subject of what it answers.
    type: str
  body:
    description: The text, 1 to 10,000 characters. For O(state=sent) and O(state=replied).
    type: str
  require_ack:
    description: Whether the recipient is asked to acknowledge the message.
    type: bool
    default: false
  facts:
    description: Facts for programs, sent with the message; the body says them for people.
    type: list
    elements: dict
    suboptions:
      name:
        description: What was observed, for example V(libssl-dev).
        type: str
        required: true
      value:
        description: A text, an integer or a boolean. Fractions are written as text.
        type: raw
        required: true
      observed_at:
        description: When it was observed, in UTC, for example V(2026-11-22T07:11:46Z). The time of sending when left out.
        type: str
  request:
    description: A request that programs can read. It names an C(action) and what this needs. Numbers in it are integers.
    type: dict
  key:
    description:
      - An idempotency key. A message with the same key is sent once by this server, however often the task runs.
      - The same key with other content is an error. Keys are remembered for 30 days, and as long as the message is in the
        repository.
    type: str
  secrets:
    description:
      - What is done when a text looks like a token or private key. V(refuse) sends nothing and says where it is, V(redact) puts a
        mark in its place, for texts that machines write, such as logs, and V(allow) sends it, for what only looks like one.
      - The token of this server itself is never sent.
    type: str
    choices: [refuse, redact, allow]
    default: refuse
  offline:
    description:
      - What becomes of a write when the remote does not take it within O(timeout). V(queue) keeps it in the outbox of this
        server, from where the service, or the next module that reaches the remote, delivers it once and in order. V(fail) fails.
    type: str
    choices: [queue, fail]
    default: queue
  id:
    description: The message that is answered, acted upon or waited for. Required for O(state=replied) and O(state=acted).
    type: str
  ids:
    description:
      - The messages to mark read, to acknowledge, or to list.
      - For O(state=read), what was last listed on this server when left out. Required for O(state=acknowledged).
    type: list
    elements: str
  unread:
    description: Whether only unread messages are listed. True when left out, but false when O(thread) or O(ids) is given.
    type: bool
  undeliverable:
    description:
      - List the messages that are for no server of the fleet, in place of those to this server.
      - Any server may answer them and mark them read; whoever does, does it for all.
    type: bool
    default: false
  types:
    description: List only messages of these types.
    type: list
    elements: str
    choices: [info, warning, error, request]
  senders:
    description: List only messages from these servers.
    type: list
    elements: str
  thread:
    description: List the conversation that a message began, with this server's own and archived messages, in its order.
    type: str
  since:
    description: List only messages sent after a time in UTC, or standing behind the message with this id.
    type: str
  limit:
    description: List at most this many messages, the most urgent ones.
    type: int
  query:
    description:
      - A JMESPath expression over the list of messages that selects some of them.
      - Needs the Python library jmespath on the server (Debian and Ubuntu package C(python3-jmespath)).
    type: str
  wait_timeout:
    description: Seconds to wait with O(state=awaited).
    type: int
    default: 300
  poll_interval:
    description: Seconds between two looks with O(state=awaited).
    type: int
    default: 15
seealso:
  - module: acs.builders.build_status
  - module: acs.builders.build_heartbeat_fact
"""

EXAMPLES = r"""
# At a shell of the controller: ansible build1 -m build_message
- name: List the unread messages of this server
  acs.builders.build_message:
  register: inbox

- name: List the errors and warnings that came since yesterday, read or not
  acs.builders.build_message:
    unread: false
    types: [error, warning]
    since: "2026-11-21T00:00:00Z"

- name: Ask the partner to install a package, once
  acs.builders.build_message:
    state: sent
    type: request
    subject: Install libmysqlclient-dev
    body: Please install libmysqlclient-dev and confirm with its version.
    request:
      action: install_packages
      packages: [libmysqlclient-dev]
    key: install-libmysqlclient-dev
  register: asked

- name: Wait up to ten minutes for the answer
  acs.builders.build_message:
    state: awaited
    id: "{{ asked.message.id }}"
    wait_timeout: 600
  register: answer

- name: Answer the first unread message with facts, which marks it read
  acs.builders.build_message:
    state: replied
    id: "{{ inbox.messages[0].id }}"
    body: libmysqlclient-dev 8.0.36-1 is installed on build1.
    facts:
      - name: libmysqlclient-dev
        value: 8.0.36-1

- name: Tell every other server
  acs.builders.build_message:
    state: sent
    to: all
    subject: Kernel update at 22:00 UTC
    body: build1 restarts at 22:00 UTC and is back within ten minutes.
    require_ack: true

- name: Mark read what was listed last
  acs.builders.build_message:
    state: read

- name: Record that this server acts upon a request, before it does
  acs.builders.build_message:
    state: acted
    id: "{{ inbox.messages[0].id }}"
  register: acting
  when: inbox.messages[0].actionable

- name: Act upon it, once
  ansible.builtin.debug:
    msg: "Here it is done: {{ acting.message.request }}"
  when: acting is changed

- name: Acknowledge a message
  acs.builders.build_message:
    state: acknowledged
    ids:
      - msg_1795245106_9f86d081884c7d65
"""

RETURN = r"""
messages:
  description:
    - What was listed, waited for, acted upon or sent. Listed messages come in order of urgency, errors first, then warnings, requests and
      the rest, in each those of high priority first; a thread comes in its order.
    - Every field is there for every message, whatever an old script has written.
  returned: for O(state=listed), O(state=awaited), O(state=acted), O(state=sent) and O(state=replied)
  type: list
  elements: dict
  contains:
    id:
      description: The id of the message.
      type: str
      sample: msg_1795245106_9f86d081884c7d65
    from:
      description: The server that sent it.
      type: str
      sample: build1
    to:
      description:
        - The server it is for, or V(all); several with commas between them, where a message that was not sent by this collection
          names several.
        - Names that others wrote in another case, with blanks, or as host names are told as ids. What is no server of the fleet is told as it
          was written.
      type: str
      sample: build2
    type:
      description: The kind of message.
      type: str
      sample: request
    priority:
      description: The priority.
      type: str
      sample: normal
    subject:
      description: The subject.
      type: str
      sample: Install libmysqlclient-dev
    body:
      description: The text.
      type: str
      sample: Please install libmysqlclient-dev and confirm with its version.
    timestamp:
      description: When it was sent, as its sender wrote it.
      type: str
      sample: "2026-11-22T07:11:46Z"
    read:
      description: Whether this server has read it; for a message of this server, whether all recipients have.
      type: bool
      sample: false
    read_by:
      description: The servers that have read it, as the repository says.
      type: list
      elements: str
      sample: [build2]
    marked_by_other:
      description: Whether the repository says that this server has read it although it has not; the message stays unread.
      type: bool
      sample: false
    undeliverable:
      description: Whether no server of the fleet is its recipient.
      type: bool
      sample: false
    queued:
      description: Whether it waits in the outbox of this server, and the remote does not have it yet.
      type: bool
      sample: false
    other:
      description:
        - What else its sender has written, members that this collection does not know, and values that do not have the form of
          theirs, such as a type that does not exist.
      type: dict
      sample: {}
    verified:
      description:
        - Whether its sender wrote it. V(true), it is signed by its sender. V(false), it is in the sender's name and not by it, or
          was changed. V(unsigned), it has no signature, as the messages of old scripts. V(marked), it is signed by its sender,
          and the repository carries marks in this server's name that this server has not made.
        - It is a text. Decide with RV(messages[].actionable), which is a boolean.
      type: str
      choices: ["true", "false", unsigned, marked]
      sample: "true"
    verified_reason:
      description: Why.
      type: str
      sample: signed by build1
    actionable:
      description:
        - Whether a program may act upon it. It is signed with a key of another server that is valid now, addressed to this server,
          not older than a day, and this server has not acted upon it.
        - Nothing that others can write in the repository decides whether something is done again.
      type: bool
      sample: true
    actionable_reason:
      description: Why, or why not.
      type: str
      sample: signed by build1, for build2, new
    ack_required:
      description: Whether an acknowledgement is asked for.
      type: bool
      sample: false
    ack_status:
      description: V(not_requested), V(pending) or V(completed).
      type: str
      sample: not_requested
    acknowledged_by:
      description: The servers that have acknowledged it.
      type: list
      elements: str
      sample: []
    in_reply_to:
      description: The id of the message that it answers; empty when it answers none.
      type: str
      sample: ""
    thread:
      description: The id of the first message of the conversation.
      type: str
      sample: msg_1795245106_9f86d081884c7d65
    facts:
      description: Facts for programs, each with C(name), C(value) and C(observed_at).
      type: list
      elements: dict
      sample: [{"name": "libmysqlclient-dev", "value": "8.0.36-1", "observed_at": "2026-11-22T07:11:46Z"}]
    request:
      description: The request that programs can read.
      type: dict
      sample: {"action": "install_packages", "packages": ["libmysqlclient-dev"]}
    key:
      description: The sender's idempotency key; empty when it has none.
      type: str
      sample: install-libmysqlclient-dev
message:
  description: The first of RV(messages).
  returned: for O(state=sent), O(state=replied), O(state=acted) and O(state=awaited)
  type: dict
  sample: {"id": "msg_1795245106_9f86d081884c7d65", "from": "build1", "to": "build2", "subject": "Ready"}
ids:
  description: The messages that were marked.
  returned: for O(state=read) and O(state=acknowledged)
  type: list
  elements: str
  sample: [msg_1795245106_9f86d081884c7d65]
unread_count:
  description: How many messages this server has not read, whatever the filters are.
  returned: for O(state=listed) and O(state=awaited)
  type: int
  sample: 1
undeliverable_count:
  description: How many messages are for no server of the fleet and nobody has read.
  returned: for O(state=listed) and O(state=awaited)
  type: int
  sample: 0
remote_age_seconds:
  description: How old what was read is; 0 unless the remote could not be reached.
  returned: for O(state=listed) and O(state=awaited)
  type: int
  sample: 0
delivery:
  description:
    - V(pushed) when the remote has taken a commit, V(queued) when the write waits in the outbox of this server.
    - V(none) when there was nothing to write or in check mode.
  returned: for all states that write
  type: str
  sample: pushed
commit:
  description: The commit that was read, or the one that was pushed.
  returned: when there is one
  type: str
  sample: 4f1c2a90b7de35a1c86f0d2e9b4a7c5d6e8f1a23
attempts:
  description: How many pushes it took; V(0) when another process of the server pushed the write with its own.
  returned: for all states that write
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
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail import actionable, message
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import listing, mark, send


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Do what the state asks for."""
    params = module.params
    state = params["state"]
    if state == "listed":
        return _listed(listing.list_messages(host, _filter(module)))
    if state == "awaited":
        waiting = (params["wait_timeout"], params["poll_interval"])
        if min(waiting) <= 0:
            raise InvalidInput(
                "The options wait_timeout and poll_interval must be positive.", "Give at least 1 second."
            )
        if params["id"]:
            found = listing.wait_for_answer(host, params["id"], *waiting)
        else:
            found = listing.wait_for_message(host, _filter(module), *waiting)
        return {**_listed(found), "message": found.messages[0]}
    if state == "read":
        receipt, changed = mark.mark_read(host, params["ids"], params["offline"])
        return {**module_support.written(module, receipt), "changed": changed, "ids": receipt.result}
    if state == "acknowledged":
        receipt = mark.acknowledge(host, params["ids"], params["offline"])
        return {**module_support.written(module, receipt), "ids": receipt.result}
    if state == "acted":
        entry, changed = actionable.act(host, params["id"])
        acted = listing.shown(host, [entry])
        return {"changed": changed, "messages": acted, "message": acted[0]}
    if state == "sent":
        receipt = send.send(host, _draft(params), params["to"], params["secrets"], params["offline"])
    else:
        receipt = send.reply(host, params["id"], _draft(params), params["secrets"], params["offline"])
    sent = listing.shown(host, receipt.result, queued=receipt.result if receipt.queued else ())
    return {**module_support.written(module, receipt), "messages": sent, "message": sent[0]}


def _draft(params: dict[str, Any]) -> message.Draft:
    names = ("body", "type", "priority", "require_ack", "request", "key")
    facts = tuple(params["facts"] or ())
    return message.Draft(subject=params["subject"] or "", facts=facts, **{name: params[name] for name in names})


def _filter(module: AnsibleModule) -> listing.Filter:
    params = module.params
    if params["limit"] is not None and params["limit"] < 1:
        raise InvalidInput("The limit is not a positive number.", "Give at least 1, or leave it out.")
    select = module_support.select_with(module, params["query"])
    lists = {name: params[name] or [] for name in ("types", "senders", "ids")}
    given = {name: params[name] for name in ("unread", "undeliverable", "thread", "since", "limit")}
    return listing.Filter(**{**given, **lists}, select=select)


def _listed(found: listing.Listing) -> dict[str, Any]:
    return {
        "changed": False,
        "messages": found.messages,
        "unread_count": found.unread_count,
        "undeliverable_count": found.undeliverable_count,
        "remote_age_seconds": round(found.age),
        "commit": found.commit,
    }


def main() -> None:
    """Run the module."""
    types = ["info", "warning", "error", "request"]
    fact = {
        "name": {"type": "str", "required": True},
        "value": {"type": "raw", "required": True},
        "observed_at": {"type": "str"},
    }
    module = module_support.BuildersModule(
        argument_spec={
            **module_support.COMMON_ARGUMENTS,
            "state": {
                "type": "str",
                "choices": ["listed", "sent", "replied", "read", "acknowledged", "acted", "awaited"],
                "default": "listed",
            },
            "to": {"type": "list", "elements": "str"},
            "type": {"type": "str", "choices": types, "default": "info"},
            "priority": {"type": "str", "choices": ["low", "normal", "high"], "default": "normal"},
            "subject": {"type": "str"},
            "body": {"type": "str"},
            "require_ack": {"type": "bool", "default": False},
            "facts": {"type": "list", "elements": "dict", "options": fact},
            "request": {"type": "dict"},
            "key": {"type": "str", "no_log": False},
            "secrets": module_support.SECRETS_ARGUMENT,
            "offline": module_support.OFFLINE_ARGUMENT,
            "id": {"type": "str"},
            "ids": {"type": "list", "elements": "str"},
            "unread": {"type": "bool"},
            "undeliverable": {"type": "bool", "default": False},
            "types": {"type": "list", "elements": "str", "choices": types},
            "senders": {"type": "list", "elements": "str"},
            "thread": {"type": "str"},
            "since": {"type": "str"},
            "limit": {"type": "int"},
            "query": {"type": "str"},
            "wait_timeout": {"type": "int", "default": 300},
            "poll_interval": {"type": "int", "default": 15},
        },
        required_if=[
            ("state", "sent", ["subject", "body"]),
            ("state", "replied", ["id", "body"]),
            ("state", "acknowledged", ["ids"]),
            ("state", "acted", ["id"]),
        ],
        supports_check_mode=True,
    )
    module_support.run(module, act)


if __name__ == "__main__":
    main()
