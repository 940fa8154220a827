"""A substitute for ssh-keygen that starts no process. Whoever has a public key can sign with it.

Like ssh-keygen it detects changes and the key of a signature, but it is not secure.
"""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import textwrap
from pathlib import Path

BEGIN = "-----BEGIN STAND-IN KEY-----\n"
_SIGNATURE = b"SSHSIG\x00\x00\x00\x01"
"""Magic and version of a signature (OpenSSH, PROTOCOL.sshsig)."""


def make_key(path: Path, comment: str = "") -> None:
    """Create a private key and its public key, as ``ssh-keygen -t ed25519`` does."""
    public = base64.b64encode(_strings(b"ssh-ed25519", os.urandom(32))).decode()
    path.write_text(f"{BEGIN}{public}\n")
    path.chmod(0o600)
    path.with_suffix(".pub").write_text(f"ssh-ed25519 {public} {comment}\n")


def ssh_keygen(*arguments: str, stdin: bytes, descriptors: tuple[int, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    """Sign or verify, as ``ssh-keygen -Y`` does.

    :param descriptors: to verify, the file descriptors of the signers and of the signature.
    """
    namespace = arguments[arguments.index("-n") + 1]
    if arguments[1] == "sign":
        return _sign(Path(arguments[arguments.index("-f") + 1]), namespace, stdin)
    signers, signature = (os.read(descriptor, 1 << 16) for descriptor in descriptors)
    public = base64.b64decode(signers.split()[-1])
    good = f'namespaces="{namespace}"'.encode() in signers and signature == _armor(public, namespace, stdin)
    return subprocess.CompletedProcess(arguments, 0 if good else 255, b"", b"")


def _sign(path: Path, namespace: str, content: bytes) -> subprocess.CompletedProcess[bytes]:
    text = path.read_text()
    problem = "" if text.startswith(BEGIN) else "error in libcrypto"
    if path.stat().st_mode & 0o077:
        problem = "UNPROTECTED PRIVATE KEY FILE!"
    if problem:
        return subprocess.CompletedProcess([], 255, b"", f'Couldn\'t load key "{path}":\n{problem}\n'.encode())
    return subprocess.CompletedProcess([], 0, _armor(base64.b64decode(text[len(BEGIN) :]), namespace, content), b"")


def _armor(public: bytes, namespace: str, content: bytes) -> bytes:
    digest = hashlib.sha512(_strings(public, namespace.encode(), content)).digest()
    blob = _SIGNATURE + _strings(public, namespace.encode(), b"", b"sha512", _strings(b"ssh-ed25519", digest))
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()


def _strings(*values: bytes) -> bytes:
    """Encode strings as SSH does (RFC 4251, section 5)."""
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)
