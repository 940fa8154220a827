# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of this server about its state, which changes its status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..documents.json_document import check_text
from ..documents.secret_policy import REFUSE, apply_secret_policy
from ..errors import InvalidInput
from ..identity.host import Host

STATES = ("idle", "building", "success", "failed")
FINISHED = ("success", "failed")


@dataclass(frozen=True)
class Report:
    """A report of this server about its state.

    :param status: one of ``STATES``.
    :param job: the id of the job that starts or ends.
    :param branch: the Git branch that is built.
    :param commit: the Git commit that is built.
    :param log: the path of the log on this server.
    :param artifacts: the files that were built: paths, or mappings with ``path``, ``size`` (bytes) and ``sha256``.
    :param outcome: further members of ``last_build``.
    """

    status: str
    job: str | None = None
    branch: str | None = None
    commit: str | None = None
    log: str | None = None
    artifacts: Sequence[Any] = ()
    outcome: dict[str, Any] = field(default_factory=dict)


def parse_report(record: Any) -> Report:
    """Parse a report from the outbox.

    :raises TypeError: if it has another form.
    """
    report = Report(**record)
    texts = [report.job, report.branch, report.commit, report.log]
    are_texts = all(text is None or isinstance(text, str) for text in texts)
    are_containers = isinstance(report.outcome, dict) and isinstance(report.artifacts, list)
    if report.status not in STATES or not are_texts or not are_containers:
        raise TypeError("a status report has a value of another type")
    return report


def check_report(host: Host, report: Report, secrets: str = REFUSE) -> Report:
    """Validate a report and apply the policy for secrets to its texts.

    :param secrets: the policy for secrets, see :mod:`.secret_policy`.
    :raises InvalidInput: if a value is invalid.
    :raises SecretFound: if a text contains a secret and the policy is to refuse it.
    """
    if report.status not in STATES:
        raise InvalidInput(f"{report.status!r} is not a status.", f"Use one of {', '.join(STATES)}.")
    texts = {name: getattr(report, name) for name in ("job", "branch", "commit", "log")}
    texts["artifacts"], texts["outcome"] = list(report.artifacts), report.outcome
    check_text(list(texts.values()), "the status")
    return replace(report, **apply_secret_policy(texts, host.repository.pat_file, host.repository.notes, secrets))
