# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of this host's command and service: one JSON file, written by the setup playbook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from ..coordination.errors import InvalidInput, permission_remedy
from ..coordination.identity.host import Host, open_host
from ..coordination.monitoring.heartbeat import PUBLISH

ARCHIVE_ON, ARCHIVE_OFF = ARCHIVE = ("on", "off")
CONFIG_FILE = "/etc/acs-builders/builderctl.json"


@dataclass(frozen=True)
class Config:
    """Where things are, and how the service beats.

    :param timeout: seconds that one read or write may take on the network.
    :param interval: seconds between two beats.
    :param push_budget: pushes a minute that the beats of the whole fleet may take; the interval grows with the fleet.
        GitHub recommends at most 6 for a repository (docs.github.com, "Repository limits").
    :param publish: where the service beats: on the server's ref, on the branch as the old scripts do, or both.
    :param reply_deadline: seconds after which unread mail is overdue.
    :param log_folder: where the service writes its logs.
    :param archive: ``on``, or ``off`` where the service archives nothing.
    """

    repo: str = "/root/Build"
    remote: str = "origin"
    branch: str = "main"
    pat_file: str = "/PAT"
    state_dir: str = "/var/lib/acs-builders"
    timeout: int = 30
    interval: int = 60
    push_budget: int = 6
    publish: str = "ref"
    reply_deadline: int = 3600
    log_folder: str = "/var/log/acs-builders"
    archive: str = ARCHIVE_ON

    @contextmanager
    def host(self) -> Iterator[Host]:
        """Open this host, and close it in the end.

        :raises CoordinationError: when the state directory or the clone cannot be used.
        """
        host = open_host(self.repo, self.state_dir, self.remote, self.branch, self.pat_file, self.timeout)
        try:
            yield host
        finally:
            host.repository.close()


def load_config(path: str = CONFIG_FILE) -> Config:
    """Read the configuration; without the file, everything has its default.

    :raises InvalidInput: when the file is not a configuration.
    """
    remedy = "Run the setup playbook again, or correct the file."
    try:
        with open(path, encoding="utf-8") as stream:
            given = json.load(stream)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}).", permission_remedy(error, remedy)) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} cannot be read ({error}).", remedy) from error
    defaults = {field.name: field.default for field in fields(Config)}
    if not isinstance(given, dict):
        raise InvalidInput(f"{path} is not a JSON object.", remedy)
    for name, value in given.items():
        if name not in defaults:
            raise InvalidInput(f"{path} has an unknown setting {name!r}.", remedy)
        is_number = isinstance(value, int) and not isinstance(value, bool) and value > 0
        is_text = isinstance(value, str) and value != ""
        if not (is_text if isinstance(defaults[name], str) else is_number):
            raise InvalidInput(f"{path}: {name} cannot be {value!r}.", remedy)
    for name, choices in (("publish", PUBLISH), ("archive", ARCHIVE)):
        if given.get(name, choices[0]) not in choices:
            raise InvalidInput(f"{path}: {name} cannot be {given[name]!r}.", f"Use one of {', '.join(choices)}.")
    return Config(**given)
