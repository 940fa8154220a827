"""A stand-in for a language model on loopback, which the real clients of managers talk to.

It speaks the Anthropic Messages API (Claude Code, Copilot CLI) and the OpenAI Responses API (Codex), streamed.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable

Events = list[tuple[str, dict[str, Any]]]
Answer = Callable[[str, int], str]
"""Answers a request with tools, given its text and its number.

``$ COMMAND`` makes the client run a command, ``@ TOOL JSON`` makes it call a tool of the server acs-builders.
"""
RUN, CALL = "$ ", "@ "


class Model:
    """A model that answers with a function, and records its requests."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[str] = []
        """The text of each request, as JSON."""
        self.url = ""
        self._answer = answer
        self._lock = threading.Lock()

    def reply(self, asked: dict[str, Any]) -> tuple[str, int]:
        """Return the answer to a request and its number; "ok" to a request without tools."""
        with self._lock:
            if not asked.get("tools"):
                return "ok", 0
            self.asked.append(json.dumps(asked, ensure_ascii=False))
            return self._answer(self.asked[-1], len(self.asked)), len(self.asked)


@contextmanager
def model(answer: Answer) -> Iterator[Model]:
    """Serve a model on a free port of loopback."""
    served = Model(answer)
    handler = type("Handler", (_Handler,), {"model": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: Model

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer a request for the list of models."""
        self._send("application/json", b'{"data": [], "models": []}')

    def do_POST(self) -> None:
        """Answer a turn."""
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        if "count_tokens" in self.path:
            self._send("application/json", b'{"input_tokens": 10}')
        elif "messages" in self.path:
            self._stream(_messages(*self.model.reply(asked), asked.get("tools") or []))
        elif "responses" in self.path:
            self._stream(_responses(*self.model.reply(asked), asked.get("tools") or []))
        else:
            self._send("application/json", b"{}")

    def _stream(self, events: Events) -> None:
        lines = (f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in events)
        self._send("text/event-stream", "".join(lines).encode())

    def _send(self, kind: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _messages(answer: str, number: int, tools: list[dict[str, Any]]) -> Events:
    """Return the events of the Messages API: https://docs.anthropic.com/en/api/messages-streaming."""
    if answer.startswith(RUN):
        name = next((tool["name"] for tool in tools if tool.get("name", "").lower() in ("bash", "shell")), "Bash")
        call = json.dumps({"command": answer.removeprefix(RUN), "description": "as asked"})
    else:
        name, call, _group = _called(answer, tools)
    block: dict[str, Any]
    if name:
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": {}}
        delta, reason = {"type": "input_json_delta", "partial_json": call}, "tool_use"
    else:
        block = {"type": "text", "text": ""}
        delta, reason = {"type": "text_delta", "text": answer}, "end_turn"
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": "stand-in", "content": []}
    return [
        ("message_start", {"message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}}),
        ("content_block_start", {"index": 0, "content_block": block}),
        ("content_block_delta", {"index": 0, "delta": delta}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}),
        ("message_stop", {}),
    ]


def _responses(answer: str, number: int, tools: list[dict[str, Any]]) -> Events:
    """Return the events of the Responses API: https://platform.openai.com/docs/api-reference/responses-streaming."""
    item: dict[str, Any]
    if answer.startswith(RUN):
        has_exec = any(tool.get("name") == "exec_command" for tool in tools)
        name, argument = ("exec_command", "cmd") if has_exec else ("shell_command", "command")
        call = json.dumps({argument: answer.removeprefix(RUN), **({"yield_time_ms": 30_000} if has_exec else {})})
        group = ""
    else:
        name, call, group = _called(answer, tools)
    if name:
        item = {"type": "function_call", "call_id": f"call_{number}", "name": name, "arguments": call}
        item.update({"namespace": group} if group else {})
    else:
        text = {"type": "output_text", "text": answer, "annotations": []}
        item = {"type": "message", "role": "assistant", "content": [text]}
    item.update(id=f"item_{number}", status="completed")
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    done = {"id": f"resp_{number}", "output": [item], "usage": usage}
    return [
        ("response.created", {"response": {"id": f"resp_{number}"}}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": done}),
    ]


def _called(answer: str, tools: list[dict[str, Any]]) -> tuple[str, str, str]:
    """Return the tool that an answer calls: its name as the client lists it, its arguments as JSON, and its group.

    Codex lists the tools of a server as a group, a tool of the type namespace.
    """
    if not answer.startswith(CALL):
        return "", "", ""
    tool, _blank, arguments = answer.removeprefix(CALL).partition(" ")
    single = [(one.get("name", ""), "") for one in tools]
    grouped = [(one.get("name", ""), group["name"]) for group in tools for one in group.get("tools", ())]
    found = [
        (name, group) for name, group in single + grouped if re.fullmatch(rf".*acs.builders.*{tool}", group + name)
    ]
    ((name, group),) = found
    return name, arguments, group
