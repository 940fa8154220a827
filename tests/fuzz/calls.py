"""Calling the command and the modules as their users do, in this process, and checking their output."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any
from unittest.mock import patch

from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible_collections.acs.builders.plugins.module_utils.builderctl import cli
from ansible_collections.acs.builders.plugins.module_utils.builderctl.exit_codes import EXIT_CODES
from ansible_collections.acs.builders.tests.fuzz import kept
from ansible_collections.acs.builders.tests.fuzz.failure import Violation
from ansible_collections.acs.builders.tests.fuzz.scene import CONFIG

MODULES = "ansible_collections.acs.builders.plugins.modules"


def command(argv: Sequence[str], stdin: bytes = b"", config: str = CONFIG) -> int:
    """Run builderctl, check its output, and return its exit code.

    :raises Violation: if the exit code or the output is not valid.
    """
    out, error = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict") for _stream in range(2))
    error.reconfigure(errors="backslashreplace")
    streams: dict[str, Any] = {"stdin": io.TextIOWrapper(io.BytesIO(stdin), "utf-8"), "stdout": out, "stderr": error}
    with patch.multiple(sys, **streams):
        code = cli.main(["--config", config, *argv])
        printed = [_printed(stream) for stream in (out, error)]
    if code not in EXIT_CODES:
        raise Violation(f"builderctl returned the exit code {code}")
    for text in printed:
        odd = next((char for char in text if not char.isprintable() and char != "\n"), None)
        if odd is not None:
            raise Violation(f"builderctl printed {odd!r} raw: {text[:300]!r}")
    if printed[0].startswith("{"):
        _check_json(printed[0])
    return code


def _printed(stream: io.TextIOWrapper) -> str:
    stream.flush()
    data: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]
    return data.decode("utf-8")


def _check_json(text: str) -> None:
    if text.count("\n") != 1:
        raise Violation(f"builderctl --json printed {text.count(chr(10))} lines")
    kept.check_text(text, "the output of builderctl --json")


def module(name: str, arguments: str) -> bool:
    """Run a module, check that it returns a result, and return whether it failed.

    :param arguments: its options, as JSON.
    :raises Violation: if it does not return a result.
    """
    out = io.StringIO()
    warnings._global_warnings.clear()
    with (
        patch.multiple(basic, _ANSIBLE_ARGS=arguments.encode("utf-8", "surrogatepass"), _ANSIBLE_PROFILE="legacy"),
        patch.object(basic.AnsibleModule, "log", lambda *_arguments, **_options: None),
        patch.object(sys, "stdout", out),
    ):
        try:
            import_module(f"{MODULES}.{name}").main()
        except SystemExit:
            pass
        else:
            raise Violation(f"{name} ended without a result")
    try:
        result: dict[str, Any] = json.loads(out.getvalue())
    except ValueError as error:
        raise Violation(f"{name} printed no result: {out.getvalue()[:300]!r}") from error
    if "exception" in result:
        raise Violation(f"{name} failed with a traceback: {result['exception']}")
    return bool(result.get("failed"))
