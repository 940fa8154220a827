# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing a message or document, and checking a signature, with ssh-keygen."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import DependencyMissing, SigningFailed

KEY_FILE = "signing_key"
MESSAGE, STATUS, HEARTBEAT = "acs.builders", "acs.builders.status", "acs.builders.heartbeat"
"""What a signature is for, its namespace (ssh-keygen(1), -Y sign): one made for anything else is none. So no status
can pass for a message, whatever somebody has brought a server to sign."""
UNSIGNED_KEYS = frozenset({"read", "read_by", "ack_status", "acknowledged_by", "signature"})
"""What others may set in a message after it was signed, and the signature itself."""
UNVERIFIED = "unverified"
"""The member of a status that stays unsigned: what stood in one which its server had not signed."""
TIMEOUT = 30
"""Seconds for one call of ssh-keygen, which takes some milliseconds."""

_ARMOR = re.compile(
    r"-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/=]{1,76}\n){1,20})-----END SSH SIGNATURE-----\n?", re.ASCII
)
"""A signature as ssh-keygen writes it (OpenSSH, PROTOCOL.sshsig); those of Ed25519 keys have five lines."""
_BEGIN = b"SSHSIG\x00\x00\x00\x01"
"""Magic and version of the signature blob (PROTOCOL.sshsig)."""


def canonical(document: dict[str, Any], namespace: str = MESSAGE) -> bytes:
    """What a signature is made of: UTF-8 JSON with sorted keys and no spaces, without the keys that stay unsigned.

    :raises ValueError: when it holds what no encoding has, a lone surrogate or NaN.
    """
    unsigned = UNSIGNED_KEYS | ({UNVERIFIED} if namespace == STATUS else set())
    signed = {name: value for name, value in document.items() if name not in unsigned}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest(document: dict[str, Any]) -> str:
    """A name for what a document says, whatever signature and marks stand beside it."""
    try:
        content = canonical(document)
    except ValueError:
        content = b""
    return hashlib.sha256(content).hexdigest()[:32]


def signature_name(document: dict[str, Any], key: str, namespace: str) -> str:
    """A name for a document's signature, what it is of, what it is for and the key that made it.

    :param key: as it stands in the record of signers.
    """
    try:
        content = canonical(document, namespace)
    except ValueError:
        content = b""
    signature = str(document["signature"]).encode("utf-8", "replace")
    parts = (content, signature, key.encode("ascii"), namespace.encode("ascii"))
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:32]


def sign(document: dict[str, Any], key_file: Path, namespace: str = MESSAGE) -> str:
    """The signature of a document with a private key, in OpenSSH's armored form.

    :raises SigningFailed: when there is no key, or it cannot be used.
    :raises DependencyMissing: without ssh-keygen.
    """
    if not key_file.exists():
        raise SigningFailed(
            f"{key_file}, the key with which this server signs, is missing.",
            "Run on the controller: ansible-playbook playbooks/trust.yml",
        )
    try:
        content = canonical(document, namespace)
    except ValueError as error:
        raise SigningFailed(f"This cannot be signed ({error}).", "Write it as valid Unicode text.") from error
    made = _ssh_keygen("-Y", "sign", "-f", str(key_file), "-n", namespace, stdin=content)
    if made.returncode != 0:
        said = " ".join(made.stderr.decode("utf-8", "replace").split())
        raise SigningFailed(
            f"{key_file} cannot be used to sign ({said}).",
            "Make a new key, on the controller: ansible-playbook playbooks/trust.yml -e build_trust_rotate="
            f"{document.get('from') or document.get('server')}",
        )
    return made.stdout.decode("ascii")


def is_signed_by(document: dict[str, Any], key: str, namespace: str = MESSAGE) -> bool:
    """Whether the signature in a document is good, and made with a public key.

    :param key: as it stands in the record of signers.
    :raises DependencyMissing: without ssh-keygen.
    """
    try:
        content = canonical(document, namespace)
    except ValueError:
        return False
    allowed = f'signer namespaces="{namespace}" {key}\n'.encode("ascii")
    with _readable(allowed) as signers, _readable(document["signature"].encode("ascii")) as signature:
        files = ("-f", f"/dev/fd/{signers}", "-s", f"/dev/fd/{signature}")
        verified = _ssh_keygen(
            "-Y", "verify", "-I", "signer", "-n", namespace, *files, stdin=content, descriptors=(signers, signature)
        )
    return verified.returncode == 0


def signing_key(document: dict[str, Any]) -> str | None:
    """The public key with which a document says it was signed; None when its signature cannot be read.

    Nothing is checked yet: this only tells which key to check with.
    """
    signature = document.get("signature")
    armor = _ARMOR.fullmatch(signature) if isinstance(signature, str) else None
    try:
        blob = base64.b64decode(armor.group(1).replace("\n", ""), validate=True) if armor else b""
    except binascii.Error:
        return None
    begin = len(_BEGIN) + 4
    key = blob[begin : begin + int.from_bytes(blob[len(_BEGIN) : begin], "big")]
    if not blob.startswith(_BEGIN) or not key.startswith(b"\x00\x00\x00\x0bssh-ed25519"):
        return None
    return f"ssh-ed25519 {base64.b64encode(key).decode('ascii')}"


@contextlib.contextmanager
def _readable(content: bytes) -> Iterator[int]:
    """A descriptor from which a child process can read some content, less than a pipe holds."""
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _ssh_keygen(*arguments: str, stdin: bytes, descriptors: tuple[int, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments],
            input=stdin,
            capture_output=True,
            pass_fds=descriptors,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise DependencyMissing(
            "ssh-keygen is not installed on this host.", "Install it: apt-get install openssh-client"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise SigningFailed(
            f"ssh-keygen did not end within {TIMEOUT} s.", "See what this host is busy with."
        ) from error
