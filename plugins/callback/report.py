# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report to the partners what a run of Ansible changed on servers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: report
type: notification
short_description: Report to the partners what a run changed on servers
version_added: 1.0.0
description:
  - At the end of a run of C(ansible-playbook) that changed servers, sends one message with the name of the playbook, the servers, what
    was changed, and what failed, in text and as facts.
  - Servers are the hosts of the inventory group C(builders). The first one that was changed and reached sends the message to the
    partners of all changed servers, or to V(all) if one of them has no partner.
  - What the modules of this collection send and publish is not a change of a server. Tasks that are delegated to other hosts do not
    count.
  - Nothing is sent in check mode, or if no server was changed. If the message cannot be sent, this is a warning, and the run ends as
    it would without this plugin.
  - Results that C(no_log) hides are not reported. Secrets in other texts are redacted.
requirements:
  - enabled in the configuration
author:
  - acs.builders authors (@acs-builders)
seealso:
  - module: acs.builders.build_message
"""

EXAMPLES = r"""
ansible.cfg: |
  [defaults]
  callbacks_enabled = acs.builders.report
"""

import os
import uuid
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.playbook.play import Play
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.acs.builders.plugins.plugin_utils.run_report import report
from ansible_collections.acs.builders.plugins.plugin_utils.server_result import FAILED, UNREACHABLE, ServerResult
from ansible_collections.acs.builders.plugins.plugin_utils.task_outcome import FailedItems, outcome_of

GROUP = "builders"
"""The group of the inventory that has the servers."""
KEYWORDS = ("become", "become_flags", "become_method", "become_user", "connection", "port", "remote_user")
"""The keywords of the play that changed the servers with which they are reached again."""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Sends the report."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "acs.builders.report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._name = ""
        self._play: Any = None
        self._passwords: dict[str, Any] = {}
        self._servers: dict[str, ServerResult] = {}
        self._failed_items = FailedItems()

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Remember the name of the playbook."""
        self._name = os.path.basename(playbook._file_name)

    def set_play_context(self, play_context: Any) -> None:
        """Remember the passwords that were asked for."""
        self._passwords = {"conn_pass": play_context.password, "become_pass": play_context.become_pass}

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Remember the play."""
        self._play = play

    def v2_runner_on_ok(self, result: Any) -> None:
        """Remember what a task changed."""
        outcome = outcome_of(result)
        if not outcome.delegated_to:
            self._of(outcome.host).add(outcome, False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Remember why a task failed."""
        outcome = self._failed_items.outcome_of(result)
        if not ignore_errors:
            self._of(outcome.host).add_trouble(outcome, FAILED)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Remember why an item of a loop failed."""
        self._failed_items.add(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Remember that a host cannot be reached."""
        outcome = outcome_of(result)
        self._of(outcome.host).add_trouble(outcome, UNREACHABLE)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Send the report, if a server was changed."""
        if context.CLIARGS.get("check") or self._play is None:
            return
        inventory = self._play.get_variable_manager()._inventory
        inventory.remove_restriction()
        known = [host.name for host in inventory.get_hosts(GROUP)] if GROUP in inventory.groups else []
        servers = {host: self._servers[host] for host in known if host in self._servers}
        for host, server in servers.items():
            server.settle(stats.summarize(host)["failures"])
        changed = [host for host, server in servers.items() if server.changed]
        senders = [host for host in changed if UNREACHABLE not in [trouble[0] for trouble in servers[host].troubles]]
        if senders:
            options = report(self._name, servers, f"report-{uuid.uuid4().hex}")
            self._send(inventory, senders[0], {**options, "to": self._partners(inventory, changed, senders[0])})

    def _of(self, host: str) -> ServerResult:
        return self._servers.setdefault(host, ServerResult())

    def _partners(self, inventory: Any, changed: list[str], sender: str) -> list[str]:
        """Return the partners of the changed servers, without the sender."""
        manager, loader = self._play.get_variable_manager(), self._play.get_loader()
        partners = []
        for host in changed:
            variables = manager.get_vars(host=inventory.get_host(host))
            partners.append(Templar(loader, variables=variables).template(variables.get("builders_partner") or "all"))
        return ["all"] if "all" in partners else sorted({*partners} - {sender})

    def _send(self, inventory: Any, sender: str, options: dict[str, Any]) -> None:
        """Run the module build_message on the sender, as a play of its own."""
        manager, loader = self._play.get_variable_manager(), self._play.get_loader()
        task = {"name": "Send the report", "acs.builders.build_message": wrap_var(options)}
        keywords = {name: value for name in KEYWORDS if (value := getattr(self._play, name)) is not None}
        source = {"name": "Report to the partners", "hosts": sender, "gather_facts": False, "tasks": [task], **keywords}
        manager_of_tasks = None
        try:
            manager_of_tasks = TaskQueueManager(
                inventory, manager, loader, self._passwords, "acs.builders.result", False
            )
            ended = manager_of_tasks.run(Play().load(source, variable_manager=manager, loader=loader))
            manager_of_tasks.send_callback("v2_playbook_on_stats", manager_of_tasks._stats)
            problem = "see above" if ended else ""
        except AnsibleError as error:
            problem = str(error)
        finally:
            if manager_of_tasks:
                manager_of_tasks.cleanup()
        if problem:
            self._display.warning(f"The report of {self._name} to {', '.join(options['to'])} was not sent: {problem}")
