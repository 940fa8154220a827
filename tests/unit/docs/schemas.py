"""The schemas of docs/wire-format.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

DOCS = Path(__file__).resolve().parents[3] / "docs"
SCHEMAS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (DOCS / "schema").glob("*.json")}
WRITTEN, READ = "message-written.schema.json", "message-read.schema.json"
STATUS, HEARTBEAT = "status.schema.json", "heartbeat.schema.json"
OLD = "#/$defs/read"
SIGNED_KEYS = ["seq", "repository", "signature"]
_registry: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


_validators: dict[str, Draft202012Validator] = {}


def problems(document: Any, schema: str) -> list[str]:
    """Return the errors of a document by a schema, or by a part of one."""
    if schema not in _validators:
        _validators[schema] = Draft202012Validator({"$ref": schema}, registry=_registry)
    return [f"{error.json_path}: {error.message}" for error in _validators[schema].iter_errors(document)]
