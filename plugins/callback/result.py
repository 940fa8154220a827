# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the outcome of a run in a few lines."""

from __future__ import annotations

DOCUMENTATION = r"""
name: result
type: stdout
short_description: Print the outcome of a run in a few lines
version_added: 1.0.0
description:
  - Prints what a run did in place of what each task did. At the end, it prints for each host what was changed, which messages
    were sent to whom with their ids, and which task failed.
  - While the run goes on, a terminal shows the task that runs on one line. Elsewhere, a line is printed for each play, and about
    every 30 seconds.
  - The texts of M(ansible.builtin.debug) are printed as text. An error is printed at once with its message, the end of the output
    of the command, and the place of the task. Warnings and, with C(--diff), differences are printed as usual.
  - Results that C(no_log) hides are not printed. Secrets in other texts are redacted, and characters that are not printable are
    escaped.
  - With C(-v) the output is that of P(ansible.builtin.default#callback), and the options are for this output, except for
    O(display_failed_stderr).
  - A clone of the project uses this plugin for playbooks. Where the collection is installed, set C(stdout_callback) to
    C(acs.builders.result) in C(ansible.cfg), or set the environment variable E(ANSIBLE_STDOUT_CALLBACK). The command C(ansible) does not
    use it.
author:
  - acs.builders authors (@acs-builders)
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

EXAMPLES = r"""
ansible.cfg: |
  [defaults]
  stdout_callback = acs.builders.result
"""

import os
import sys
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback.default import CallbackModule as DefaultCallback
from ansible.utils.display import Display
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.scanner import redact, redact_in
from ansible_collections.acs.builders.plugins.module_utils.coordination.text import clean, one_line, visible
from ansible_collections.acs.builders.plugins.plugin_utils.progress_line import ProgressLine
from ansible_collections.acs.builders.plugins.plugin_utils.run_summary import CHANGED, SENT, UNCHANGED, summary, title
from ansible_collections.acs.builders.plugins.plugin_utils.server_result import (
    FAILED,
    HANDLED,
    IGNORED,
    UNREACHABLE,
    ServerResult,
)
from ansible_collections.acs.builders.plugins.plugin_utils.task_outcome import (
    FailedItems,
    Outcome,
    outcome_of,
    short_name,
)

COLOURS = {
    CHANGED: C.COLOR_CHANGED,
    SENT: C.COLOR_CHANGED,
    UNCHANGED: C.COLOR_OK,
    FAILED: C.COLOR_ERROR,
    UNREACHABLE: C.COLOR_UNREACHABLE,
    IGNORED: C.COLOR_WARN,
    HANDLED: C.COLOR_WARN,
}
"""The colours of Ansible, which uses none unless the output is a terminal or it is told to."""


class BriefOutput(DefaultCallback):  # type: ignore[misc]
    """Prints the outcome of a run."""

    def __init__(self) -> None:
        super().__init__()
        self._name = self._play_name = ""
        self._servers: dict[str, ServerResult] = {}
        self._printed: set[str] = set()
        self._failed_items = FailedItems()
        self._progress = ProgressLine(sys.stdout, self._print, self._display.columns)

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Remember the name of the playbook."""
        self._name = os.path.basename(playbook._file_name)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Show that a play begins."""
        self._play, self._play_name = play, play.get_name().strip()
        self._progress.begin(one_line(self._play_name))

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Show which task runs."""
        self._show(short_name(task))

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Show which handler runs."""
        self._show(short_name(task))

    def v2_runner_retry(self, result: Any) -> None:
        """Show that a task is tried again."""
        content = result._result
        self._show(f"{outcome_of(result).task} (attempt {content.get('attempts')} of {content.get('retries')})")

    def v2_runner_on_ok(self, result: Any) -> None:
        """Print what a task has to say, and remember what it did."""
        self._print_warnings(result)
        outcome = outcome_of(result)
        if not isinstance(result._task, TaskInclude):
            if result._task.action in C._ACTION_DEBUG:
                for content in outcome.results:
                    self._print_once(outcome, self._debug_text(redact_in(content)[0]))
            self._of(outcome.host).add(outcome, self._is_check)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Print the warnings."""
        self._print_warnings(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Print why a task failed, and where it is."""
        self._print_warnings(result)
        self._trouble(self._failed_items.outcome_of(result), IGNORED if ignore_errors else FAILED)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Print why a host cannot be reached."""
        self._print_warnings(result)
        self._trouble(outcome_of(result), IGNORED if result._task.ignore_unreachable else UNREACHABLE)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Print the warnings; the rest comes with the end of the loop."""
        self._print_warnings(result)

    v2_runner_item_on_skipped = v2_runner_item_on_ok

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Remember that an item failed."""
        self._print_warnings(result)
        self._failed_items.add(result)

    def v2_on_file_diff(self, result: Any) -> None:
        """Print the differences."""
        outcome = outcome_of(result)
        for content in outcome.results:
            if content.get("diff") and content.get("changed"):
                text = self._get_diff(clean(redact_in(content["diff"])[0], visible)).rstrip("\n")
                if text:
                    self._print(f"{outcome.host}: {outcome.task}")
                    self._display.display(text)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """Print nothing."""

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        """Print nothing, because the errors of the hosts were printed."""

    def v2_runner_on_async_poll(self, result: Any) -> None:
        """Print nothing."""

    v2_runner_on_async_ok = v2_runner_on_async_failed = v2_runner_on_async_poll

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Print that a play has no hosts."""
        self._print(f"{self._play_name}: no host matches.", C.COLOR_SKIP)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the summary."""
        for host in sorted(stats.processed):
            self._of(host).settle(stats.summarize(host)["failures"])
        servers = {host: self._servers[host] for host in sorted(self._servers)}
        failed = any(kind in (FAILED, UNREACHABLE) for one in servers.values() for kind, _task, _why in one.troubles)
        colour = C.COLOR_ERROR if failed else C.COLOR_HIGHLIGHT
        self._print(title(self._name or self._play_name, servers, self._progress.seconds, self._is_check), colour)
        for line in summary(servers, self._display.columns, self._is_check):
            self._print(line.text, COLOURS[line.kind])
        if failed:
            self._print("To see what each task did, run this again with -v.")

    @property
    def _is_check(self) -> bool:
        return bool(context.CLIARGS.get("check"))

    def _of(self, host: str) -> ServerResult:
        return self._servers.setdefault(host, ServerResult())

    def _print_warnings(self, result: Any) -> None:
        if result._result.get("warnings") or result._result.get("deprecations"):
            self._progress.clear()
            self._handle_warnings(result._result)

    def _trouble(self, outcome: Outcome, kind: str) -> None:
        self._of(outcome.host).add_trouble(outcome, kind)
        where = [f"at {outcome.path}"] if outcome.path else []
        host = f"{outcome.host} -> {outcome.delegated_to}" if outcome.delegated_to else outcome.host
        lines = [line for text in [*outcome.failures, *where] for line in text.splitlines()]
        text = "\n".join([f"{host}: {kind}: {outcome.task}", *(f"  {line}" for line in lines)])
        self._print(text, COLOURS[kind], stderr=self.get_option("display_failed_stderr"))

    def _debug_text(self, content: Any) -> str:
        """Return what a task of ansible.builtin.debug prints; empty if it prints nothing."""
        message = content.get("msg", content.get("censored"))
        if isinstance(message, str):
            return message.strip("\n")
        if isinstance(message, list) and all(isinstance(line, str) for line in message):
            return "\n".join(message)
        shown = {key: value for key, value in content.items() if key not in self._hide_in_debug}
        return "" if content.get("skipped") else str(self._dump_results(shown))

    def _print_once(self, outcome: Outcome, text: str) -> None:
        """Print the text of a task, under its host unless it is for all; a text that was printed is not repeated."""
        if not outcome.run_once:
            lines = text.split("\n")
            text = f"{outcome.host}: {text}" if len(lines) == 1 else "\n  ".join([f"{outcome.host}:", *lines])
        if text and text not in self._printed:
            self._printed.add(text)
            self._print(text)

    def _print(self, text: str, colour: str | None = None, stderr: bool = False) -> None:
        """Print text that stays."""
        self._progress.clear()
        self._display.display(visible(redact(text)[0]), color=colour, stderr=stderr)
        sys.stdout.flush()

    def _show(self, task: str) -> None:
        self._progress.show(one_line(task))


class CallbackModule(BriefOutput if Display().verbosity == 0 else DefaultCallback):  # type: ignore[misc]
    """Prints the outcome of a run, or with -v what each task did."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "acs.builders.result"
