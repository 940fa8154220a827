"""Test the copying of objects, with a stand-in for the Git process and the store of gitdb."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.objects import BLOCK_SIZE, copy_object
from gitdb.db import LooseObjectDB

CONTENT = b"0123456789" * (BLOCK_SIZE // 4)


def source(content: bytes, size: int) -> Any:
    """Return a repository in which each object has a content, and a size according to Git."""
    answer = (b"1" * 40, b"blob", size, io.BytesIO(content))
    return SimpleNamespace(git=SimpleNamespace(stream_object_data=lambda _name: answer))


def test_a_copied_object_of_several_blocks_is_whole(tmp_path: Path) -> None:
    store = LooseObjectDB(str(tmp_path))
    copy_object(source(CONTENT, len(CONTENT)), SimpleNamespace(odb=store), "1" * 40)  # type: ignore[arg-type]
    (name,) = store.sha_iter()
    assert store.stream(name).read() == CONTENT


def test_an_object_that_ends_early_is_not_stored(tmp_path: Path) -> None:
    """A Git process that is killed ends the stream."""
    short = source(CONTENT[:-1], len(CONTENT))
    with pytest.raises(ValueError, match="has ended"):
        copy_object(short, SimpleNamespace(odb=LooseObjectDB(str(tmp_path))), "1" * 40)  # type: ignore[arg-type]
    assert not list(tmp_path.rglob("*"))
