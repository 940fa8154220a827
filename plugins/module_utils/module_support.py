# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the coordination package meets Ansible: arguments in, results and failures out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .coordination.delivery.deliver import OFFLINE, QUEUE, deliver_waiting
from .coordination.documents.secret_policy import POLICIES, REFUSE, own_token
from .coordination.errors import CoordinationError, InvalidInput, unusable
from .coordination.identity.host import Host, open_host
from .coordination.machine import open_standard_streams
from .coordination.operations.recover import withdrawal_notes
from .coordination.secrets.scanner import find_secrets
from .coordination.store.snapshot import Receipt
from .coordination.text import one_line, visible

try:
    import jmespath
except ImportError:
    jmespath = None

COMMON_ARGUMENTS: dict[str, Any] = {
    "repo": {"type": "path", "default": "/root/Build"},
    "remote": {"type": "str", "default": "origin"},
    "branch": {"type": "str", "default": "main"},
    "server_id": {"type": "str"},
    "pat_file": {"type": "path", "default": "/PAT"},
    "state_dir": {"type": "path", "default": "/var/lib/acs-builders"},
    "timeout": {"type": "int", "default": 60},
}
"""The options of every module."""
SECRETS_ARGUMENT: dict[str, Any] = {"type": "str", "choices": list(POLICIES), "default": REFUSE, "no_log": False}
"""The option of modules that publish texts."""
OFFLINE_ARGUMENT: dict[str, Any] = {"type": "str", "choices": list(OFFLINE), "default": QUEUE}
"""The option of modules that write."""


MAX_DIGITS = 600
"""Digits that a number in an option may have. Python prints at most 4,300, or 640 where it is set so."""
HUGE = f"a number of more than {MAX_DIGITS} digits"


class BuildersModule(AnsibleModule):  # type: ignore[misc]
    """A module that never logs or returns a secret that stands in an option, whatever it does with it.

    Nor does it end with a traceback when an option holds a lone surrogate, which its action refuses, or a number that
    Python cannot print.
    """

    def _load_params(self) -> None:
        super()._load_params()
        numbers = [name for name, option in self.argument_spec.items() if option.get("type") == "int"]
        self._refuse([name for name in numbers if _becomes_huge(self.params.get(name))])

    def _log_invocation(self) -> None:
        self._refuse(self._replace_huge())
        self._hide_secrets()
        with suppress(UnicodeEncodeError):
            super()._log_invocation()

    def fail_json(self, msg: str, **options: Any) -> None:
        """Return with an error, and with the options as far as they can be printed."""
        self._replace_huge()
        self._hide_secrets()
        super().fail_json(msg=msg, **options)

    def _hide_secrets(self) -> None:
        token = own_token(str(self.params.get("pat_file", COMMON_ARGUMENTS["pat_file"]["default"])))
        self.no_log_values.update(_secrets(self.params, token))

    def _replace_huge(self) -> list[str]:
        """The options that hold a number that cannot be printed; words take their places."""
        names = [name for name, value in self.params.items() if _is_huge(value)]
        self.params.update(dict.fromkeys(names, HUGE))
        return names

    def _refuse(self, names: list[str]) -> None:
        if names:
            self.fail_json(msg=f"The option {names[0]} holds {HUGE}. Give a smaller one.", reason=InvalidInput.kind)


def _becomes_huge(value: Any) -> bool:
    """Whether Ansible would make a number of too many digits of an option, which takes minutes for 1e9999999."""
    try:
        number = Decimal(value)
    except (ArithmeticError, TypeError, ValueError):
        return False
    return number.is_infinite() or number.adjusted() >= MAX_DIGITS


def _is_huge(value: Any) -> bool:
    """Whether there is a number of too many digits in the value of an option."""
    if isinstance(value, dict):
        return any(map(_is_huge, (*value, *value.values())))
    if isinstance(value, (list, tuple, set)):
        return any(map(_is_huge, value))
    return isinstance(value, int) and abs(value) >= 10**MAX_DIGITS


def _secrets(value: Any, token: str) -> Iterator[str]:
    """The secrets in the texts of an option."""
    if isinstance(value, str):
        for finding in find_secrets(value, token):
            yield value[finding.start : finding.end]
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _secrets(item, token)


def run(module: AnsibleModule, action: Callable[[AnsibleModule, Host], dict[str, Any]]) -> None:
    """Do what a module is for and end it.

    :param action: gets the module and this host, and returns the module's result.
    """
    open_standard_streams()
    try:
        if module.params["timeout"] <= 0:
            raise InvalidInput("The timeout is not a positive number of seconds.", "Give at least 1.")
        with _host(module) as host:
            result = action(module, host)
            deliver_waiting(host)
    except CoordinationError as error:
        module.fail_json(msg=one_line(str(error)), reason=error.kind)
    except OSError as error:
        told = unusable(error)
        module.fail_json(msg=one_line(str(told)), reason=told.kind)
    module.exit_json(**result)


@contextmanager
def _host(module: AnsibleModule) -> Iterator[Host]:
    host = open_host(**{name: module.params[name] for name in COMMON_ARGUMENTS}, check_mode=module.check_mode)
    try:
        yield host
    finally:
        for note in [*host.repository.notes, *withdrawal_notes(host)]:
            module.warn(one_line(note))
        host.repository.close()


def written(module: AnsibleModule, receipt: Receipt) -> dict[str, Any]:
    """The part of a result that tells how a write ended, with the diff where one is asked for."""
    result: dict[str, Any] = {
        "changed": receipt.changed,
        "delivery": receipt.delivery,
        "commit": receipt.commit,
        "attempts": receipt.attempts,
    }
    if module._diff:
        result["diff"] = [
            {
                "before_header": path,
                "after_header": path,
                "before": visible(receipt.before[path].decode("utf-8", "replace")),
                "after": visible(content.decode("utf-8", "replace")),
            }
            for path, content in receipt.files.items()
        ]
    return result


def select_with(
    module: AnsibleModule, query: str | None
) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]] | None:
    """A function that narrows a list of messages down by a JMESPath expression; None without one.

    :raises InvalidInput: when the expression cannot be read, or selects something else than messages.
    """
    if query is None:
        return None
    if jmespath is None:
        module.fail_json(
            msg=f"{missing_required_lib('jmespath')}. On Debian and Ubuntu: apt-get install python3-jmespath",
            reason="dependency",
        )
    remedy = "Write an expression that selects messages, for example [?priority=='high']."
    try:
        expression = jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        raise InvalidInput(f"The query {query!r} is not JMESPath ({' '.join(str(error).split())}).", remedy) from error

    def select(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            found = expression.search(messages)
        except jmespath.exceptions.JMESPathError as error:
            raise InvalidInput(f"The query {query!r} fails ({' '.join(str(error).split())}).", remedy) from error
        if not isinstance(found, list) or any(message not in messages for message in found):
            raise InvalidInput(f"The query {query!r} does not select messages.", remedy)
        return found

    return select
