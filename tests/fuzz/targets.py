"""All targets of the fuzzer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.acs.builders.tests.fuzz import documents, inputs, own_files
from ansible_collections.acs.builders.tests.fuzz.running import Target
from ansible_collections.acs.builders.tests.fuzz.scene import scene
from ansible_collections.acs.builders.tests.fuzz.starts import make_starts


@contextmanager
def targets() -> Iterator[list[Target]]:
    """Start the server of the targets, and yield the targets."""
    with scene() as made:
        starts = make_starts(made)
        yield [
            *documents.targets(made, starts),
            *own_files.targets(made, starts),
            *inputs.targets(made, starts),
        ]
