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
  - This module runs on a build server, on behalf of that server. Without options it lists the unread messages of the server.
  - Every write is one commit, which is pushed without force. If another server has pushed first, the commit is made again on
    top of the new one. No message is lost or sent twice.
extends_documentation_fragment:
  - acs.builders.builders
options:
  state:
    description:
      - V(listed) lists messages and changes nothing in the repository.
      - V(sent) sends a message.
      - V(replied) answers the message O(id) in its thread and marks it read, in one commit.
      - V(read) marks messages as read by this server.
      - V(acknowledged) acknowledges messages.
      - V(acted) records that this server acts upon the message O(id). Use it before the action. Of several tasks, one returns
        C(changed), and only that one may act. It fails if the message must not be acted upon.
      - V(awaited) waits for the reply to the message O(id) of this server or for its acknowledgement. Without O(id), it waits for
        a message that the filters select. It fails after O(wait_timeout).
      - V(traced) returns how far the messages O(ids) or the message O(id) have come, from and to any server. It changes nothing.
    type: str
    choices: [listed, sent, replied, read, acknowledged, acted, awaited, traced]
    default: listed
  to:
    description:
      - The recipients of a message, server ids, V(operator), or V(all), which means all other servers. For O(state=sent).
      - V(everyone) means all other servers and the operator.
      - With a list, each recipient gets its own message, all in one commit.
      - The default is the partner of this server, or the only other server.
    type: list
    elements: str
  type:
    description: The type of the message or answer to send.
    type: str
    choices: [info, warning, error, request]
    default: info
  priority:
    description: The priority of the message or answer to send.
    type: str
    choices: [low, normal, high]
    default: normal
  subject:
    description: One line of 1 to 100 characters. For O(state=sent). The subject of an answer is C(Re:) and the original subject.
    type: str
  body:
    description: The text of the message, 1 to 10,000 characters. For O(state=sent) and O(state=replied).
    type: str
  require_ack:
    description: Whether to request an acknowledgement from the recipient.
    type: bool
    default: false
  facts:
    description: Facts for programs. The body should contain them for people.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the fact, for example V(libssl-dev).
        type: str
        required: true
      value:
        description: A text, an integer or a boolean. Write fractions as text.
        type: raw
        required: true
      observed_at:
        description: The time of the observation in UTC, for example V(2026-11-22T07:11:46Z). The default is the time of sending.
        type: str
  request:
    description: A request for programs. It has an C(action) and the parameters of the action. Numbers must be integers.
    type: dict
  needs:
    description:
      - With O(state=sent), V(operator) asks a question that only the operator may answer.
      - He gets it, whoever the recipient is, and he is its recipient without O(to). The answer of another member is refused,
        and only one that the operator has signed counts.
      - With O(state=listed) and O(state=awaited), V(operator) lists the questions that he has not answered, read or not, from and
        to any server.
    type: str
    choices: [operator]
  key:
    description:
      - An idempotency key. This server sends a message with the same key once, however often the task runs.
      - The same key with different content is an error. Keys are kept for 30 days, and as long as the message is in the repository.
    type: str
  series:
    description:
      - The name of a series of messages, such as reports on the same subject, as an alternative to O(key). This server sends a
        message of a series only if its content differs from that of the last one. For O(state=sent).
      - Otherwise the result is the last message, as long as O(key) would find it, and nothing changes.
    type: str
  secrets:
    description:
      - The behavior if a text contains what looks like a token or private key. V(refuse) sends nothing and reports the place.
        V(redact) replaces it with a placeholder, for generated texts such as logs. V(allow) sends it, for false positives.
      - The token of this server is never sent.
    type: str
    choices: [refuse, redact, allow]
    default: refuse
  offline:
    description:
      - The behavior if the remote does not accept a write within O(timeout). With V(queue), the write waits in the outbox of this
        server, and the service or the next module that reaches the remote delivers it once and in order. V(fail) fails.
    type: str
    choices: [queue, fail]
    default: queue
  id:
    description:
      - The message to answer, to act upon, to trace, or whose reply to wait for. Required for O(state=replied) and O(state=acted).
    type: str
  continue_thread:
    description:
      - Whether to send an answer although both servers only answer each other in turn. For O(state=replied).
      - By default, the seventh such message of a thread within ten minutes fails with the reason C(loop). A request, an error, and a
        message with facts are always sent.
    type: bool
    default: false
  ids:
    description:
      - The messages to mark as read, to acknowledge, to list, or to trace.
      - The default for O(state=read) is the messages of the last listing on this server. Required for O(state=acknowledged).
    type: list
    elements: str
  unread:
    description: Whether to list only unread messages. The default is true, but false with O(thread) or O(ids).
    type: bool
  undeliverable:
    description:
      - List the messages that are addressed to no server of the fleet, instead of those to this server.
      - Any server may answer them and mark them as read, for all servers.
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
    description: List the thread that a message began, in its order, including archived messages and those of this server.
    type: str
  since:
    description: List only messages sent after this time in UTC, or after the message with this id.
    type: str
  limit:
    description: The maximum number of messages to list. The most urgent ones are listed.
    type: int
  query:
    description:
      - A JMESPath expression that selects messages from the list.
      - Requires the Python library jmespath on the server (Debian and Ubuntu package C(python3-jmespath)).
    type: str
  wait_timeout:
    description:
      - Seconds to wait with O(state=awaited). It then fails with RV(reason=no_answer), or with RV(reason=unreachable) if the
        remote cannot be read at that time.
    type: int
    default: 300
  poll_interval:
    description:
      - Seconds between two reads with O(state=awaited), varied at random by up to a fifth.
      - While the heartbeat service of the server runs, the module does not read from the remote, and is woken by the service.
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

- name: List the errors and warnings since a time, read or not
  acs.builders.build_message:
    unread: false
    types: [error, warning]
    since: "2026-11-21T00:00:00Z"

- name: Request the installation of a package from the partner, once
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

- name: Send a message to all other servers
  acs.builders.build_message:
    state: sent
    to: all
    subject: Kernel update at 22:00 UTC
    body: build1 restarts at 22:00 UTC and is back within ten minutes.
    require_ack: true

- name: Report the kernel, but only if it is another one than in the last report
  acs.builders.build_message:
    state: sent
    subject: Kernel
    body: "build1 runs {{ lookup('ansible.builtin.pipe', 'uname -r') }}."
    series: kernel

- name: Mark the last listed messages as read
  acs.builders.build_message:
    state: read

- name: Record that this server acts upon a request
  acs.builders.build_message:
    state: acted
    id: "{{ inbox.messages[0].id }}"
  register: acting
  when: inbox.messages[0].actionable

- name: Act upon the request, once
  ansible.builtin.debug:
    msg: "Here it is done: {{ acting.message.request }}"
  when: acting is changed

- name: Find out how far a message has come
  acs.builders.build_message:
    state: traced
    id: msg_1795245106_9f86d081884c7d65
  register: way

- name: Show the recipients to whom it was not shown yet
  ansible.builtin.debug:
    msg: "{{ shown | rejectattr('state', 'eq', 'done') | map(attribute='server') }}"
  vars:
    shown: "{{ way.traces[0].steps | selectattr('step', 'eq', 'shown') }}"

- name: Acknowledge a message
  acs.builders.build_message:
    state: acknowledged
    ids:
      - msg_1795245106_9f86d081884c7d65
"""

RETURN = r"""
messages:
  description:
    - The messages that were listed, waited for, acted upon or sent.
    - A listing is sorted by urgency, errors first, then warnings, requests and the rest, each type by priority. A thread is in its order.
    - Every message has all these fields, also a message of an old script.
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
        - The recipient, a server id or V(all). A message that was not sent by this collection may have several, separated by commas.
        - Names in another case, with blanks, or host names are converted to ids. Unknown names are returned unchanged.
      type: str
      sample: build2
    type:
      description: The type of the message.
      type: str
      sample: request
    priority:
      description: The priority of the message.
      type: str
      sample: normal
    subject:
      description: The subject of the message.
      type: str
      sample: Install libmysqlclient-dev
    body:
      description: The text of the message.
      type: str
      sample: Please install libmysqlclient-dev and confirm with its version.
    timestamp:
      description: The time of sending, as its sender wrote it.
      type: str
      sample: "2026-11-22T07:11:46Z"
    read:
      description: Whether this server has read the message. For a message of this server, whether all recipients have read it.
      type: bool
      sample: false
    read_by:
      description: The servers that have read the message, according to the repository.
      type: list
      elements: str
      sample: [build2]
    marked_by_other:
      description: Whether the repository marks the message as read by this server, which has not read it. The message stays unread.
      type: bool
      sample: false
    undeliverable:
      description: Whether the message is addressed to no server of the fleet.
      type: bool
      sample: false
    queued:
      description: Whether the message waits in the outbox of this server.
      type: bool
      sample: false
    needs:
      description: C(operator) if only the operator may answer the message, otherwise empty.
      type: str
      sample: ""
    not_operators:
      description: Whether the message answers a question that only the operator may answer, and he has not signed it.
      type: bool
      sample: false
    other:
      description:
        - Further content of the message, that is, unknown members, and values that are not valid, such as an unknown type.
      type: dict
      sample: {}
    verified:
      description:
        - Whether the sender wrote the message. V(true) means signed by its sender. V(false) means forged or changed. V(unsigned)
          means without a signature, as the messages of old scripts. V(marked) means signed by its sender, but with marks of this
          server in the repository that this server has not made.
        - This is a text. For decisions use RV(messages[].actionable), which is a boolean.
      type: str
      choices: ["true", "false", unsigned, marked]
      sample: "true"
    verified_reason:
      description: The reason of RV(messages[].verified).
      type: str
      sample: signed by build1
    actionable:
      description:
        - Whether a program may act upon the message. It must be signed with a currently valid key of another server, addressed to
          this server, not older than a day, and not acted upon yet.
        - Changes in the repository cannot make a server act upon a message again.
      type: bool
      sample: true
    actionable_reason:
      description: The reason of RV(messages[].actionable).
      type: str
      sample: signed by build1, for build2, new
    ack_required:
      description: Whether an acknowledgement is requested.
      type: bool
      sample: false
    ack_status:
      description: V(not_requested), V(pending) or V(completed).
      type: str
      sample: not_requested
    acknowledged_by:
      description: The servers that have acknowledged the message.
      type: list
      elements: str
      sample: []
    in_reply_to:
      description: The id of the message that this one answers; empty if it answers none.
      type: str
      sample: ""
    thread:
      description: The id of the first message of the thread.
      type: str
      sample: msg_1795245106_9f86d081884c7d65
    facts:
      description: Facts for programs, each with C(name), C(value) and C(observed_at).
      type: list
      elements: dict
      sample: [{"name": "libmysqlclient-dev", "value": "8.0.36-1", "observed_at": "2026-11-22T07:11:46Z"}]
    request:
      description: The request for programs.
      type: dict
      sample: {"action": "install_packages", "packages": ["libmysqlclient-dev"]}
    key:
      description: The idempotency key of the message; empty if it has none.
      type: str
      sample: install-libmysqlclient-dev
message:
  description: The first of RV(messages).
  returned: for O(state=sent), O(state=replied), O(state=acted) and O(state=awaited)
  type: dict
  sample: {"id": "msg_1795245106_9f86d081884c7d65", "from": "build1", "to": "build2", "subject": "Ready"}
traces:
  description: The messages that were traced, in the order in which they were given.
  returned: for O(state=traced)
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
      description: The recipient, as the message names it.
      type: str
      sample: build2
    type:
      description: The type of the message.
      type: str
      sample: request
    priority:
      description: The priority of the message.
      type: str
      sample: normal
    subject:
      description: The subject of the message.
      type: str
      sample: Install libmysqlclient-dev
    timestamp:
      description: The time of sending, as its sender wrote it.
      type: str
      sample: "2026-11-22T07:11:46Z"
    verified:
      description: Whether the sender wrote the message. See RV(messages[].verified).
      type: str
      choices: ["true", "false", unsigned]
      sample: "true"
    steps:
      description: The steps of the sender, then those of each recipient.
      type: list
      elements: dict
      contains:
        step:
          description:
            - V(written), V(queued) and V(pushed) are the steps of the sender.
            - Each recipient has the steps V(seen) by its service, V(shown) to its manager, V(read), V(acted) upon, and V(answered).
              If an acknowledgement was requested or given, it also has V(acknowledged).
          type: str
          choices: [written, queued, pushed, seen, shown, read, acknowledged, acted, answered]
          sample: seen
        server:
          description: The recipient; empty for the steps of the sender.
          type: str
          sample: build2
        state:
          description: Whether the step was taken.
          type: str
          choices: [done, not_yet, not_known]
          sample: done
        time:
          description:
            - The time of the step in UTC. With V(not_yet), the time at which the source said so.
            - Null if it is not known.
          type: str
          sample: "2026-11-22T07:12:46Z"
        at_latest:
          description: Whether the step was taken at this time or before, for example before the heartbeat that reports it.
          type: bool
          sample: true
        source:
          description: What reports the step, for example a commit, a heartbeat, a message, or a file of this server.
          type: str
          sample: heartbeat of build2
        reason:
          description: Why it is not known whether the step was taken, or why it was not.
          type: str
          sample: ""
ids:
  description: The messages that were marked.
  returned: for O(state=read) and O(state=acknowledged)
  type: list
  elements: str
  sample: [msg_1795245106_9f86d081884c7d65]
unread_count:
  description: The number of unread messages of this server, without any filter.
  returned: for O(state=listed) and O(state=awaited)
  type: int
  sample: 1
undeliverable_count:
  description: The number of unread messages that are addressed to no server of the fleet.
  returned: for O(state=listed) and O(state=awaited)
  type: int
  sample: 0
remote_age_seconds:
  description: The age of the data in seconds; 0 if the module has read it from the remote.
  returned: for O(state=listed), O(state=awaited) and O(state=traced)
  type: int
  sample: 0
delivery:
  description:
    - V(pushed) if the remote has accepted a commit, V(queued) if the write waits in the outbox of this server.
    - V(none) if there was nothing to write, and in check mode.
  returned: for all states that write
  type: str
  sample: pushed
commit:
  description: The commit that was read or pushed.
  returned: when there is one
  type: str
  sample: 4f1c2a90b7de35a1c86f0d2e9b4a7c5d6e8f1a23
attempts:
  description: The number of pushes; V(0) if another process of the server pushed the write with its own.
  returned: for all states that write
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
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail import actionable
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring import trace
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import listing, mark, send, wait


def act(module: AnsibleModule, host: Host) -> dict[str, Any]:
    """Execute the operation of the state."""
    params = module.params
    state = params["state"]
    if state == "listed":
        return {"changed": False, **listing.list_messages(host, _filter(module)).data()}
    if state == "awaited":
        waiting = (params["wait_timeout"], params["poll_interval"])
        if min(waiting) <= 0:
            raise InvalidInput(
                "The options wait_timeout and poll_interval must be positive.", "Give at least 1 second."
            )
        if params["id"]:
            found = wait.wait_for_answer(host, params["id"], *waiting)
        else:
            found = wait.wait_for_message(host, _filter(module), *waiting)
        return {"changed": False, **found.data(), "message": found.messages[0]}
    if state == "traced":
        ids = [*(params["ids"] or []), *([] if params["id"] is None else [params["id"]])]
        return {"changed": False, **trace.trace_messages(host, ids).data()}
    if state == "read":
        marked, changed = mark.mark_read(host, params["ids"], params["offline"])
        return {**module_support.written(module, marked), "changed": changed, "ids": marked.result}
    if state == "acknowledged":
        marked = mark.acknowledge(host, params["ids"], params["offline"])
        return {**module_support.written(module, marked), "ids": marked.result}
    if state == "acted":
        entry, changed = actionable.act(host, params["id"])
        acted = listing.shown(host, [entry])
        return {"changed": changed, "messages": acted, "message": acted[0]}
    if state == "sent":
        how = (params["secrets"], params["offline"], params["series"])
        receipt = send.send(host, _draft(params), params["to"], *how)
    else:
        policies = (params["secrets"], params["offline"], params["continue_thread"])
        receipt = send.reply(host, params["id"], _draft(params), *policies)
    messages = listing.shown(host, receipt.result, queued=receipt.result if receipt.queued else ())
    return {**module_support.written(module, receipt), "messages": messages, "message": messages[0]}


def _draft(params: dict[str, Any]) -> Draft:
    names = ("body", "type", "priority", "require_ack", "request", "needs", "key")
    facts = tuple(params["facts"] or ())
    return Draft(subject=params["subject"] or "", facts=facts, **{name: params[name] for name in names})


def _filter(module: AnsibleModule) -> listing.Filter:
    params = module.params
    if params["limit"] is not None and params["limit"] < 1:
        raise InvalidInput("The limit is not a positive number.", "Give at least 1, or leave it out.")
    select = module_support.select_with(module, params["query"])
    lists = {name: params[name] or [] for name in ("types", "senders", "ids")}
    given = {name: params[name] for name in ("unread", "undeliverable", "needs", "thread", "since", "limit")}
    return listing.Filter(**{**given, **lists}, select=select)


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
                "choices": ["listed", "sent", "replied", "read", "acknowledged", "acted", "awaited", "traced"],
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
            "needs": {"type": "str", "choices": ["operator"]},
            "key": {"type": "str", "no_log": False},
            "series": {"type": "str"},
            "secrets": module_support.SECRETS_ARGUMENT,
            "offline": module_support.OFFLINE_ARGUMENT,
            "id": {"type": "str"},
            "continue_thread": {"type": "bool", "default": False},
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
        mutually_exclusive=[("key", "series")],
        required_if=[
            ("state", "sent", ["subject", "body"]),
            ("state", "replied", ["id", "body"]),
            ("state", "acknowledged", ["ids"]),
            ("state", "acted", ["id"]),
            ("state", "traced", ["id", "ids"], True),
        ],
        supports_check_mode=True,
    )
    module_support.run(module, act)


if __name__ == "__main__":
    main()
