# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a server, a file that setup.yml writes: for the command, the service and the modules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from ..errors import InvalidInput, permission_remedy
from ..json_errors import json_reason
from .host import Host, open_host

PUBLISH = ("ref", "main", "both")
ARCHIVE_ON, ARCHIVE_OFF = ARCHIVE = ("on", "off")
CONFIG_FILE = "/etc/acs-builders/builderctl.json"


@dataclass(frozen=True)
class Config:
    """The configuration of a server.

    :param repo: the path of the clone.
    :param remote: the name of the remote in the clone.
    :param branch: the branch with the documents.
    :param pat_file: the path of the token file.
    :param state_dir: the path of the state directory.
    :param timeout: the maximum of seconds for the network in one read or write.
    :param interval: seconds between two heartbeats.
    :param push_budget: the maximum of pushes per minute for the heartbeats of the whole fleet; larger fleets get a
        longer interval. GitHub recommends at most 6 for a repository (docs.github.com, "Repository limits").
    :param publish: the destination of heartbeats, one of ``PUBLISH``.
    :param reply_deadline: seconds after which an unread message is overdue.
    :param log_folder: the folder of the logs of the service.
    :param archive: ``on``, or ``off`` to archive nothing.
    :param alerts: the path of the file with the ways by which alerts are sent; empty to send none.
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
    alerts: str = ""

    @contextmanager
    def host(self) -> Iterator[Host]:
        """Open this host and close it afterwards.

        :raises CoordinationError: if the state directory or the clone cannot be used.
        """
        host = open_host(self.repo, self.state_dir, self.remote, self.branch, self.pat_file, self.timeout)
        try:
            yield host
        finally:
            host.repository.close()


def load_config(path: str = CONFIG_FILE) -> Config:
    """Read the configuration; without the file, every setting has its default.

    :raises InvalidInput: if the file is not a valid configuration.
    """
    remedy = "Correct the file, or run on the controller: ansible-playbook setup.yml"
    try:
        with open(path, encoding="utf-8") as stream:
            given = json.load(stream)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}).", permission_remedy(error, remedy)) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} cannot be read ({json_reason(error)}).", remedy) from error
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
