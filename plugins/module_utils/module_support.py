# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code that the modules share: options, the run, results and failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .coordination.delivery.deliver import OFFLINE, QUEUE, deliver_waiting
from .coordination.documents.secret_policy import POLICIES, REFUSE, own_token
from .coordination.errors import CoordinationError, InvalidInput, unusable
from .coordination.identity.config import Config, load_config
from .coordination.identity.host import Host, open_host
from .coordination.operations.recover import withdrawal_notes
from .coordination.secrets.scanner import find_secrets
from .coordination.standard_streams import open_standard_streams
from .coordination.store.snapshot import Receipt
from .coordination.text import one_line, visible

try:
    import jmespath
except ImportError:
    jmespath = None

COMMON_ARGUMENTS: dict[str, Any] = {
    "repo": {"type": "path", "default": Config.repo},
    "remote": {"type": "str", "default": Config.remote},
    "branch": {"type": "str", "default": Config.branch},
    "server_id": {"type": "str"},
    "pat_file": {"type": "path", "default": Config.pat_file},
    "state_dir": {"type": "path", "default": Config.state_dir},
    "timeout": {"type": "int", "default": 60},
}
"""The options of every module."""
CONFIGURED = ("repo", "remote", "branch", "pat_file", "state_dir")
"""The options that the configuration of the server gives if the task does not."""
SECRETS_ARGUMENT: dict[str, Any] = {"type": "str", "choices": list(POLICIES), "default": REFUSE, "no_log": False}
"""The option ``secrets`` of modules that publish texts."""
OFFLINE_ARGUMENT: dict[str, Any] = {"type": "str", "choices": list(OFFLINE), "default": QUEUE}
"""The option ``offline`` of modules that write."""


MAX_DIGITS = 600
"""The maximum number of digits of a number in an option. Python prints at most 4,300, or 640 if so configured
(sys.set_int_max_str_digits)."""
HUGE = f"a number of more than {MAX_DIGITS} digits"


class BuildersModule(AnsibleModule):  # type: ignore[misc]
    """A module that removes the secrets in its options from its log and its result.

    The options in ``CONFIGURED`` that are not given come from the configuration of the server. An option with a number
    that Python cannot print is rejected. An option with a lone surrogate is rejected by the action of the module.
    """

    def _load_params(self) -> None:
        super()._load_params()
        numbers = [name for name, option in self.argument_spec.items() if option.get("type") == "int"]
        self._refuse([name for name in numbers if _becomes_huge(self.params.get(name))])
        self._add_configured([name for name in CONFIGURED if name not in self.params])

    def _add_configured(self, names: list[str]) -> None:
        if names:
            try:
                config = load_config()
            except InvalidInput as error:
                self.fail_json(msg=one_line(str(error)), reason=error.kind)
            self.params.update({name: getattr(config, name) for name in names})

    def _log_invocation(self) -> None:
        self._refuse(self._replace_huge())
        self._hide_secrets()
        with suppress(UnicodeEncodeError):
            super()._log_invocation()

    def fail_json(self, msg: str, **options: Any) -> None:
        """Exit with an error, after replacing options that cannot be printed."""
        self._replace_huge()
        self._hide_secrets()
        super().fail_json(msg=msg, **options)

    def _hide_secrets(self) -> None:
        token = own_token(str(self.params.get("pat_file", COMMON_ARGUMENTS["pat_file"]["default"])))
        self.no_log_values.update(_secrets(self.params, token))

    def _replace_huge(self) -> list[str]:
        """Replace the options that contain too long numbers by a text, and return their names."""
        names = [name for name, value in self.params.items() if _is_huge(value)]
        self.params.update(dict.fromkeys(names, HUGE))
        return names

    def _refuse(self, names: list[str]) -> None:
        if names:
            self.fail_json(msg=f"The option {names[0]} has {HUGE}. Use a smaller number.", reason=InvalidInput.kind)


def _becomes_huge(value: Any) -> bool:
    """Return whether Ansible would convert an option to a too long number.

    The conversion of 1e9999999 takes minutes.
    """
    try:
        number = Decimal(value)
    except (ArithmeticError, TypeError, ValueError):
        return False
    return number.is_infinite() or number.adjusted() >= MAX_DIGITS


def _is_huge(value: Any) -> bool:
    """Return whether the value of an option contains a too long number."""
    if isinstance(value, dict):
        return any(map(_is_huge, (*value, *value.values())))
    if isinstance(value, (list, tuple, set)):
        return any(map(_is_huge, value))
    return isinstance(value, int) and abs(value) >= 10**MAX_DIGITS


def _secrets(value: Any, token: str) -> Iterator[str]:
    """Yield the secrets in the texts of an option."""
    if isinstance(value, str):
        for finding in find_secrets(value, token):
            yield value[finding.start : finding.end]
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _secrets(item, token)


def run(module: AnsibleModule, action: Callable[[AnsibleModule, Host], dict[str, Any]]) -> None:
    """Run the action of a module, and exit with its result or its error.

    :param action: a function that gets the module and this host, and returns the result of the module.
    """
    open_standard_streams()
    try:
        if module.params["timeout"] <= 0:
            raise InvalidInput("The timeout is not a positive number of seconds.", "Set it to at least 1.")
        with _host(module) as host:
            result = action(module, host)
            deliver_waiting(host)
    except CoordinationError as error:
        module.fail_json(msg=one_line(str(error)), reason=error.kind)
    except OSError as error:
        failure = unusable(error)
        module.fail_json(msg=one_line(str(failure)), reason=failure.kind)
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


def written(module: AnsibleModule, receipt: Receipt[Any]) -> dict[str, Any]:
    """Return the result of a write.

    It has ``changed``, ``delivery``, ``commit`` and ``attempts``, and with --diff also ``diff``.
    """
    result: dict[str, Any] = {
        "changed": receipt.changed,
        "delivery": receipt.delivery,
        "commit": receipt.commit,
        "attempts": receipt.attempts,
    }
    if module._diff:
        before = receipt.before
        result["diff"] = [
            {
                "before_header": path,
                "after_header": path,
                "before": visible(before[path].decode("utf-8", "replace")),
                "after": visible(content.decode("utf-8", "replace")),
            }
            for path, content in receipt.files.items()
        ]
    return result


def select_with(
    module: AnsibleModule, query: str | None
) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]] | None:
    """Return a function that filters messages by a JMESPath expression.

    It is None without an expression.

    :raises InvalidInput: if the expression is invalid, or its result is not a list of the messages.
    """
    if query is None:
        return None
    if jmespath is None:
        module.fail_json(
            msg=f"{missing_required_lib('jmespath')}. On Debian and Ubuntu: apt-get install python3-jmespath",
            reason="dependency",
        )
    remedy = "Use an expression that selects messages, for example [?priority=='high']."
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
