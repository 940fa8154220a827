"""Test the real ssh-keygen: its signatures are accepted, and its failures are reported."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import DependencyMissing, SigningFailed
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import signatures
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import (
    canonical,
    is_signed_by,
    sign,
    signing_key,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.trusted_keys import public_key
from ansible_collections.acs.builders.tests.builders import make_key
from ansible_collections.acs.builders.tests.waiting import LIMIT

MESSAGE: dict[str, Any] = {"from": "build1", "to": "build2", "subject": "Grüße", "body": "x"}


def public(key_file: Path) -> str:
    """Return the public key in the form of the record of signers."""
    return public_key(key_file.with_suffix(".pub").read_text())


def armor(document: dict[str, Any], key_file: Path, namespace: str = "acs.builders", *options: str) -> str:
    """Return a signature made with the command ssh-keygen."""
    command = ["ssh-keygen", "-Y", "sign", "-f", str(key_file), "-n", namespace, *options]
    return subprocess.run(command, check=True, input=canonical(document), capture_output=True).stdout.decode()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Return a signing key."""
    make_key(tmp_path / "signing_key")
    return tmp_path / "signing_key"


@pytest.fixture
def signed(key_file: Path) -> dict[str, Any]:
    """Return a message with its signature."""
    return {**MESSAGE, "signature": sign(MESSAGE, key_file)}


def test_signature_made_with_ssh_keygen_is_valid(key_file: Path) -> None:
    for options in ((), ("-O", "hashalg=sha256")):
        document = {**MESSAGE, "signature": armor(MESSAGE, key_file, "acs.builders", *options)}
        assert is_signed_by(document, public(key_file))


def test_key_of_another_type_is_ignored(tmp_path: Path) -> None:
    for kind in ("rsa", "ecdsa"):
        make_key(tmp_path / kind, kind=kind)
        assert signing_key({**MESSAGE, "signature": armor(MESSAGE, tmp_path / kind)}) is None


def test_sign_without_ssh_keygen(
    signed: dict[str, Any], key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = public(key_file)
    monkeypatch.setenv("PATH", str(tmp_path))
    for call in (lambda: sign(MESSAGE, key_file), lambda: is_signed_by(signed, key)):
        with pytest.raises(DependencyMissing, match="ssh-keygen is not installed on this host"):
            call()
    assert signing_key(signed) == key, "only the text is parsed"


def test_ssh_keygen_timeout(key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin" / "ssh-keygen"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\nexec {shutil.which('sleep')} {LIMIT}\n")
    slow.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(slow.parent))
    monkeypatch.setattr(signatures, "TIMEOUT", 0.2)
    with pytest.raises(SigningFailed, match="ssh-keygen did not end within"):
        sign(MESSAGE, key_file)
