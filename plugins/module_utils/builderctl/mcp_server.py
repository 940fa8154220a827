# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of the Model Context Protocol over standard input and output, on the SDK for Python.

Each command of a tool runs in a process of its own, so that a client can call tools at the same time and cancel them.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..coordination import __version__
from ..coordination.text import short
from .mcp_tools import INSTRUCTIONS, TOOLS, Tool, Words

NAME = "acs-builders"
PREFIX = "builderctl: "
"""The beginning of an error or a note of builderctl."""
MAX_PROBLEM = 200
"""The maximum number of characters of what is wrong with an argument."""
RUN = f"""\
import ctypes, json, sys
ctypes.CDLL(None).prctl(1, 15)
sys.path.insert(0, sys.argv[1])
from {__package__}.cli import main
sys.exit(main(json.load(sys.stdin)))
"""
"""Runs a command line from standard input, where it may be long and other users do not see it.

The first call, of prctl(2) with PR_SET_PDEATHSIG and SIGTERM, ends the command when the server is killed.
"""


def serve(config: str) -> None:
    """Serve until standard input ends.

    :param config: the path of the configuration of builderctl.
    """
    import anyio

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else the thread that reads standard input delays the end
    anyio.run(_serve, config)


async def _serve(config: str) -> None:
    import mcp_types
    from mcp.server.lowlevel import Server
    from mcp.server.stdio import stdio_server

    async def list_tools(_context: Any, _given: Any) -> Any:
        return mcp_types.ListToolsResult(
            tools=[
                mcp_types.Tool(
                    name=name,
                    description=tool.description,
                    input_schema=tool.schema,
                    annotations=mcp_types.ToolAnnotations(read_only_hint=tool.reads_only, destructive_hint=False),
                )
                for name, tool in TOOLS.items()
            ]
        )

    async def call_tool(_context: Any, given: Any) -> Any:
        text, is_error = await call(config, given.name, given.arguments or {})
        return mcp_types.CallToolResult(content=[mcp_types.TextContent(text=text)], is_error=is_error)

    server: Any = Server(
        NAME,
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


async def call(config: str, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
    """Call a tool.

    :param config: the path of the configuration of builderctl.
    :param arguments: the arguments by their names; those that are None count as not given.
    :return: the text, and whether it is an error.
    """
    given = {key: value for key, value in arguments.items() if value is not None}
    tool = TOOLS.get(name)
    problem = _problem(tool, given) if tool else f"There is no tool {short(name)!r}. Use one of {', '.join(TOOLS)}."
    if tool is None or problem:
        return problem, True
    texts = []
    for command in tool.commands(given):
        text, code = await _run([*command[:1], "--tools", f"--config={config}", *command[1:]])
        texts.append(text)
        if code not in tool.quiet_codes:
            return "\n".join(texts), True
    return "\n".join(texts), False


def _problem(tool: Tool, given: Mapping[str, Any]) -> str:
    """Return what is wrong with the arguments, in one sentence; empty if they are valid."""
    import jsonschema

    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(tool.schema).iter_errors(given))
    if error is None:
        return ""
    if not error.path:
        return f"{short(error.message, MAX_PROBLEM)}. Correct the arguments, and call the tool again."
    rule = short(f"{error.validator} {json.dumps(error.validator_value)}", MAX_PROBLEM)
    return f"The argument {error.path[0]!r} is not valid: {rule} is required. Correct it, and call the tool again."


async def _run(words: Words) -> tuple[str, int]:
    """Run a command of builderctl to its end.

    It is killed if the call of the tool is cancelled; what it has sent by then is delivered.

    :return: what it prints, notes and errors after the result, and its exit code.
    """
    import anyio

    top = Path(__file__).parents[__package__.count(".") + 1]
    python = [sys.executable, "-I", "-X", "utf8", "-c", RUN, str(top)]
    done = await anyio.run_process(python, input=json.dumps(words).encode(), check=False)
    lines = [line.removeprefix(PREFIX) for line in done.stderr.decode(errors="replace").splitlines()]
    text = "\n".join([*filter(None, [done.stdout.decode(errors="replace").rstrip("\n")]), *lines])
    text = text or f"builderctl {words[0]} ended with exit code {done.returncode}. Call the tool again."
    return text, done.returncode
