# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways by which alerts are sent, a file that setup.yml writes because it may hold secrets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..errors import InvalidInput, permission_remedy
from ..json_errors import json_reason

SERVER, MAIL, QUESTION, AUDIT, BUILD, PROBLEM = KINDS = ("server", "mail", "question", "audit", "build", "problem")
"""The kinds of alerts: a server without heartbeats, overdue mail, a question for the operator, an alarm of the audit, a
failed build, a problem of a server."""
SENDMAIL = "/usr/sbin/sendmail"
TIMEOUT = 30
"""Seconds for one call of a way."""
MAX_TIMEOUT = 120
"""The maximum of these seconds."""
REMEDY = "Correct build_alerts in the inventory, then run on the controller: ansible-playbook setup.yml"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+", re.ASCII)
"""An address of mail without comments, quotes and blanks (RFC 5322, addr-spec with a dot-atom)."""
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1", re.ASCII)


@dataclass(frozen=True)
class Way:
    """A way by which alerts are sent, one of a command, a webhook and mail.

    :param name: its name, by which its problems are reported.
    :param command: a program with its arguments, which gets the alert as JSON on standard input.
    :param webhook: the URL to which a JSON object with the member ``text`` is posted.
    :param mail: the addresses to which mail is sent.
    :param sendmail: the program that sends the mail.
    :param kinds: the kinds of alerts to send.
    :param servers: the servers whose alerts are sent; empty for all.
    :param timeout: seconds after which a call is ended.
    """

    name: str
    command: tuple[str, ...] = ()
    webhook: str = ""
    mail: tuple[str, ...] = ()
    sendmail: str = SENDMAIL
    kinds: tuple[str, ...] = KINDS
    servers: tuple[str, ...] = ()
    timeout: int = TIMEOUT

    def takes(self, kind: str, server: str) -> bool:
        """Return whether alerts of a kind about a server are sent this way.

        :param server: the id of the server; empty if the alert is about none.
        """
        return kind in self.kinds and (not self.servers or not server or server in self.servers)


def load_ways(path: str) -> list[Way]:
    """Read the ways. No error contains a value of the file, since it may be a secret.

    :param path: the file; empty if no way is configured.
    :raises InvalidInput: if it cannot be read, or is not valid.
    """
    if not path:
        return []
    try:
        with open(path, encoding="utf-8") as stream:
            given = json.load(stream)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}).", permission_remedy(error, REMEDY)) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} cannot be read ({json_reason(error)}).", REMEDY) from error
    try:
        ways = [_way(entry) for entry in given["ways"]]
        names = [way.name for way in ways]
        _require(len(set(names)) == len(names), "two ways have the same name")
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} has no list of ways with names.", REMEDY) from error
    except ValueError as error:
        raise InvalidInput(f"{path}: {error}.", REMEDY) from error
    return ways


def _way(given: dict[str, Any]) -> Way:
    """Parse a way.

    :raises ValueError: if it is not valid; the text says why without a value of the way.
    """
    name = given["name"]
    _require(isinstance(name, str) and _NAME.fullmatch(name) is not None, "a way has no valid name")
    unknown = sorted(given.keys() - Way.__dataclass_fields__.keys())
    _require(not unknown, f"the way {name} has an unknown setting {unknown[:1]}")
    _require(sum(bool(given.get(kind)) for kind in ("command", "webhook", "mail")) == 1, _ONE_OF.format(name))
    lists = {key: _texts(given.get(key, []), f"{key} of the way {name}") for key in ("command", "mail", "servers")}
    kinds = _texts(given.get("kinds") or list(KINDS), f"kinds of the way {name}")
    webhook, sendmail = given.get("webhook") or "", given.get("sendmail") or SENDMAIL
    timeout = given.get("timeout", TIMEOUT)
    _require(set(kinds) <= set(KINDS), f"the kinds of the way {name} must be some of {', '.join(KINDS)}")
    program = [*lists["command"], sendmail][0]
    _require(
        isinstance(program, str) and program.startswith("/"), f"the program of the way {name} has no absolute path"
    )
    _require("\0" not in "".join([*lists["command"], sendmail]), f"the command of the way {name} has a null character")
    _require(not webhook or is_webhook(webhook), f"the webhook of the way {name} is not a URL that begins with https")
    _require(all(map(_ADDRESS.fullmatch, lists["mail"])), f"an address of the way {name} is not valid")
    is_number = isinstance(timeout, int) and not isinstance(timeout, bool) and 0 < timeout <= MAX_TIMEOUT
    _require(is_number, f"the timeout of the way {name} is not a number of seconds up to {MAX_TIMEOUT}")
    return Way(name, lists["command"], webhook, lists["mail"], sendmail, kinds, lists["servers"], timeout)


_ONE_OF = "the way {} needs exactly one of command, webhook and mail"


def is_webhook(url: Any) -> bool:
    """Return whether alerts may be posted to a URL: with https, or with http to this host."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _port = parts.port
        host.encode("idna")  # as the resolver does, which refuses an empty label and one of more than 63 characters
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and _LOOPBACK.fullmatch(host) is not None)
    )


def _texts(value: Any, name: str) -> tuple[str, ...]:
    _require(isinstance(value, list) and all(isinstance(one, str) and one for one in value), f"{name} is not a list")
    return tuple(value)


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise ValueError(reason)
