# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing of documents and checking of signatures with ssh-keygen."""

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
ALERTS = "acs.builders.alerts"
"""The namespaces of signatures (ssh-keygen(1), -Y sign). A signature is valid in its namespace only, so the signature
of a status cannot be reused for a message."""
UNSIGNED_KEYS = frozenset({"read", "read_by", "ack_status", "acknowledged_by", "signature"})
"""The members of a message that are not signed: those that its readers set, and the signature itself."""
UNVERIFIED = "unverified"
"""The member of a status that is not signed: the content of an earlier status that its server had not signed."""
TIMEOUT = 30
"""Maximum of seconds for one call of ssh-keygen, which takes some milliseconds."""

_ARMOR = re.compile(
    r"-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/=]{1,76}\n){1,20})-----END SSH SIGNATURE-----\n?", re.ASCII
)
"""A signature in the armored form (OpenSSH, PROTOCOL.sshsig); that of an Ed25519 key has five lines."""
_BEGIN = b"SSHSIG\x00\x00\x00\x01"
"""The magic preamble and the version of a signature (OpenSSH, PROTOCOL.sshsig)."""


def canonical(document: dict[str, Any], namespace: str = MESSAGE) -> bytes:
    """Return the bytes of a document that are signed.

    They are UTF-8 JSON with sorted keys, no spaces, and without the unsigned members.

    :raises ValueError: if the document contains a lone surrogate or NaN.
    """
    unsigned = UNSIGNED_KEYS | ({UNVERIFIED} if namespace == STATUS else set())
    signed = {name: value for name, value in document.items() if name not in unsigned}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest(document: dict[str, Any]) -> str:
    """Return a hash of the content of a document without its unsigned members."""
    try:
        content = canonical(document)
    except ValueError:
        content = b""
    return hashlib.sha256(content).hexdigest()[:32]


def signature_name(document: dict[str, Any], key: str, namespace: str) -> str:
    """Return a hash of a signature with its content, key and namespace.

    :param key: the public key, as in the record of trusted keys.
    """
    try:
        content = canonical(document, namespace)
    except ValueError:
        content = b""
    signature = str(document["signature"]).encode("utf-8", "replace")
    parts = (content, signature, key.encode("ascii"), namespace.encode("ascii"))
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:32]


def sign(document: dict[str, Any], key_file: Path, namespace: str = MESSAGE) -> str:
    """Sign a document with a private key.

    :return: the signature in the armored form of OpenSSH.
    :raises SigningFailed: if there is no key, or it cannot be used.
    :raises DependencyMissing: if ssh-keygen is not installed.
    """
    if not key_file.exists():
        raise SigningFailed(
            f"{key_file}, the signing key of this server, is missing.",
            "Run on the controller: ansible-playbook playbooks/trust.yml",
        )
    try:
        content = canonical(document, namespace)
    except ValueError as error:
        raise SigningFailed(f"The document cannot be signed ({error}).", "Use valid Unicode text.") from error
    signed = _ssh_keygen("-Y", "sign", "-f", str(key_file), "-n", namespace, stdin=content)
    if signed.returncode != 0:
        output = " ".join(signed.stderr.decode("utf-8", "replace").split())
        raise SigningFailed(
            f"ssh-keygen cannot sign with {key_file} ({output}).",
            "Create a new key, on the controller: ansible-playbook playbooks/trust.yml -e build_trust_rotate="
            f"{document.get('from') or document.get('server')}",
        )
    return signed.stdout.decode("ascii")


def is_signed_by(document: dict[str, Any], key: str, namespace: str = MESSAGE) -> bool:
    """Return whether a document has a valid signature of a key.

    :param key: the public key, as in the record of trusted keys.
    :raises DependencyMissing: if ssh-keygen is not installed.
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
    """Return the public key in a signature, without a check of the signature.

    :return: None if the document has no signature in the armored form with an Ed25519 key.
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
    """Provide a descriptor from which a child process can read a content.

    The content must fit into a pipe (pipe(7)).
    """
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
            f"ssh-keygen did not end within {TIMEOUT} s.", "Check the load of this host with 'uptime', and try again."
        ) from error
