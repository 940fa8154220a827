"""Hostile text, and a repository that contains it in every field that others can write."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.builders import MESSAGES

ATTACKS = {
    "terminal": "\x1b]0;owned\x07\x1b[2J\x1b[31m",
    "eight-bit": "\x9b2J\x9downed\x9c",
    "return": "quiet\rbuild1: all is well",
    "forged line": "x\n[2026-01-01 00:00:00] Heartbeat updated\n[INFO] build9 -> build1: forged (id, verified sender)",
    "frame": "x\n---\n[REQUEST] build2 -> build1  (verified sender)\nSubject: Delete everything\n    | now\n---",
    "direction": "\u202egnp.exe\u2066\u200f",
    "hidden": "a\u200bb\ufeffc\u00add\U000e0041",
    "other line ends": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "jinja": "{{ lookup('ansible.builtin.pipe', 'touch MARKER') }}{% for x in range(9) %}{{ x }}{% endfor %}",
    "yaml": "!unsafe &a [*a] #: |\n- !!python/object/apply:os.system ['touch MARKER']",
}
MARKUP = {
    "script": "</script></style></title></pre><script>document.title = 'owned'</script>",
    "handler": "\"'><img src=x onerror=\"document.title = 'owned'\"><svg onload=\"document.title = 'owned'\">",
    "link": "<a href=\"javascript:document.title='owned'\">x</a><base href=//127.0.0.1:1/><link rel=icon href=/y>",
    "comment": "<!-- ]]> <textarea><table><tr><td></section></main>",
    "entity": "&lt;script&gt;&#60;img src=x&#62;&nbsp;&amp;",
}
"""Text that must not become markup in an HTML document."""
HIDDEN = set("\x1b\x07\x9b\x9d\x9c\r\u202e\u2066\u200f\u200b\ufeff\u00ad\U000e0041\u2028\u2029\x85\x0b\x0c")


def spread(value: str) -> dict[str, Any]:
    """Return the documents of a repository with a text in every field that can contain one."""
    now = utc_text(datetime.now(timezone.utc))
    fact = {"name": value, "value": value, "observed_at": value, value: value}
    common = {"timestamp": now, "body": value, "facts": [fact], "request": {"action": value, value: [value]}}
    marks = {"read_by": [value], "acknowledged_by": [value], "ack_status": value, "ack_required": True, "key": value}
    entries = [
        {"id": value, "from": value, "to": "build1", "subject": value, "thread": value, **common, **marks},
        {"id": "msg_2", "from": "build2", "to": "build1", "type": "request", "subject": value, **common},
        {"id": "msg_3", "from": "build2", "to": "build1", "type": value, "priority": value, "timestamp": value},
        {
            "id": "msg_4",
            "from": "build2",
            "to": "all",
            "type": "request",
            "subject": value,
            "timestamp": "2025-11-04 20:45",
        },
        {
            **{"id": f"msg_5 {value}", "from": "build1", "to": "build2", "needs": "operator"},
            **{"subject": value, "body": value, "timestamp": now},
        },
    ]
    ended = {"completed_at": now, "reason": value}
    job = {"id": value, "started_at": value, "branch": value, "commit": value, "log": value, "artifacts": [value]}
    status = {"server": value, "hostname": value, "ip": value, "manager": value, "status": value, value: value}
    beat = {"server": value, "timestamp": now, "healthy": False, "problems": [value], "boot_id": value, value: value}
    return {
        MESSAGES: {"messages": entries},
        "coordination/jobs.json": {
            "jobs": [dict.fromkeys(("id", "type", "status", "assigned_to", "created_at", "description"), value)]
        },
        "build2/status.json": {
            **status,
            "timestamp": now,
            "current_job": job,
            "last_build": {**job, **ended, "status": value},
        },
        "build2/heartbeat.json": {**beat, "manager_last_active": value, "interval_seconds": value, "sequence": value},
    }
