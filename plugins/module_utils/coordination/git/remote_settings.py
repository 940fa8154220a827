# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Git that change the address, the credential or the connection of a remote: used or refused.

The command, the modules and the service must access the same remote with the same credential. The service can read
neither the global configuration of a user nor the variables of a shell. So the system configuration (/etc/gitconfig)
and the configuration of the clone are used, and the global configuration is not.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from ..errors import CloneInvalid
from ..secrets.redaction import redacted

SYSTEM_FILE = "/etc/gitconfig"
SYSTEM, GLOBAL, LOCAL = "system", "global", "local"
"""The scopes of settings (git-config(1), SCOPES)."""
CONNECTION = frozenset(
    f"http.{name}"
    for name in (
        *("proxy", "proxyauthmethod", "proxysslcert", "proxysslkey", "proxysslcainfo", "sslbackend", "sslcainfo"),
        *("sslcapath", "sslcert", "sslkey", "sslversion", "sslcipherlist", "pinnedpubkey", "version"),
    )
) | {"core.sshcommand", "ssh.variant"}
"""Settings of the connection."""
CREDENTIALS = frozenset({"http.extraheader", "http.cookiefile", "http.emptyauth", "http.delegation"})
"""Settings that send a credential in addition to, or instead of, the token."""
_FALSE = ("false", "no", "off", "0", "")


class Setting(NamedTuple):
    """A setting: its scope, its file, its full name and its value."""

    scope: str
    file: str
    key: str
    value: str

    @property
    def name(self) -> str:
        """The name without the subsection, such as ``http.proxy``."""
        return f"{self.key.partition('.')[0]}.{self.key.rpartition('.')[2]}"

    @property
    def subsection(self) -> str:
        """The subsection, such as the URL in ``http.https://git.example.proxy``; empty if there is none."""
        return self.key.partition(".")[2].rpartition(".")[0]


def global_files() -> list[Path]:
    """Return the paths of the global configuration of this user (git-config(1), FILES)."""
    home = os.path.expanduser("~")
    return [Path(os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config", "git", "config"), Path(home, ".gitconfig")]


def parse_settings(scope: str, listed: bytes) -> Iterator[Setting]:
    """Yield the settings in the output of ``git config --list --show-origin --null``."""
    parts = listed.decode("utf-8", "replace").split("\0")
    for origin, setting in zip(parts[::2], parts[1::2]):
        key, _line_end, value = setting.partition("\n")
        yield Setting(scope, origin.partition(":")[2], key, value)


def has_worktree_config(settings: Sequence[Setting]) -> bool:
    """Return whether the settings of a clone enable the configuration of the work tree."""
    values = [setting.value.lower() for setting in settings if setting.key == "extensions.worktreeconfig"]
    return bool(values) and values[-1] not in _FALSE[:-1]  # a name without a value is true


def connection_settings(settings: Sequence[Setting], clone: str, remote: str, url: str) -> tuple[str, ...]:
    """Return the settings of the clone for connections to the remote, each ``name=value``.

    :param clone: the path of the clone.
    :param remote: the name of the remote.
    :param url: its URL, as configured in the clone.
    :raises CloneInvalid: if a setting would change the address or the credential, or does not apply to the service.
    """
    urls = {setting.value for setting in settings if setting.scope == LOCAL and setting.key == f"remote.{remote}.url"}
    if len(urls) > 1:
        raise CloneInvalid(
            f"The remote {remote!r} of {clone} has several URLs.",
            f"Set the correct URL: git -C {clone} config --replace-all remote.{remote}.url URL",
        )
    for setting in settings:
        _check_address(setting, clone, remote, url)
        if _is_for(setting, url):
            _check_connection(setting, clone)
    return tuple(
        f"{setting.key}={setting.value}"
        for setting in settings
        if setting.scope == LOCAL and setting.name in CONNECTION and _is_for(setting, url)
    )


def _check_address(setting: Setting, clone: str, remote: str, url: str) -> None:
    """Refuse settings that change the address."""
    if setting.name in ("url.insteadof", "url.pushinsteadof") and setting.value and url.startswith(setting.value):
        raise _refusal(
            setting,
            "leads to another address than the URL of the clone",
            f"If that address is intended, set builders_remote_url to it and run the setup. {_unset(setting)}",
        )
    pushes_elsewhere = setting.key == f"remote.{remote}.pushurl" and setting.value != url
    if setting.scope == LOCAL and (pushes_elsewhere or setting.key == f"remote.{remote}.proxy"):
        what = "pushes to another address than it fetches from" if pushes_elsewhere else "applies to this remote only"
        raise _refusal(setting, what, _unset(setting) if pushes_elsewhere else _move(setting, clone, "http.proxy"))


def _check_connection(setting: Setting, clone: str) -> None:
    """Refuse settings that add a credential, skip the check of the certificate, or do not apply to the service."""
    if setting.name in CREDENTIALS and setting.value:
        raise _refusal(setting, "sends a credential in addition to the token", _unset(setting))
    if setting.name == "http.sslverify" and setting.value.lower() in _FALSE:
        raise _refusal(
            setting,
            "could send the token to another host in place of the remote",
            "Instead, put the certificate of its authority into /usr/local/share/ca-certificates and run "
            f"update-ca-certificates. {_unset(setting)}",
        )
    if setting.name == "http.curloptresolve":
        raise _refusal(setting, "leads to another address than the URL of the clone", _unset(setting))
    if setting.name not in CONNECTION or setting.scope == SYSTEM:
        return
    if setting.scope == GLOBAL:
        raise _refusal(setting, "does not apply to the service", _move(setting, clone, setting.key))
    if "@" in setting.value:
        set_it = f"Set it in the system configuration (git config --system {shlex.quote(setting.key)} VALUE)."
        remedy = f"{set_it} {_unset(setting)}"
        raise _refusal(setting, "contains a user or a password, which would appear in the list of processes", remedy)


def _is_for(setting: Setting, url: str) -> bool:
    """Return whether a setting of the connection applies to a URL (git-config(1), http.<url>.*)."""
    section = setting.key.partition(".")[0]
    try:
        ours, theirs = urlsplit(url), urlsplit(setting.subsection)
        if section != "http":
            return section in ("core", "ssh") and not _is_http(ours) and not url.startswith("/")
        return _is_http(ours) and (not setting.subsection or _fits(theirs, ours))
    except ValueError:
        return False


def _fits(theirs: SplitResult, ours: SplitResult) -> bool:
    paths = [f"{parts.path.rstrip('/')}/" for parts in (ours, theirs)]
    default = {"http": 80, "https": 443}
    ports = {parts.port or default.get(parts.scheme) for parts in (ours, theirs)}
    same_host = fnmatchcase(ours.hostname or "", (theirs.hostname or "").replace("[", "[[]"))
    return theirs.scheme == ours.scheme and same_host and len(ports) == 1 and paths[0].startswith(paths[1])


def _is_http(parts: SplitResult) -> bool:
    return parts.scheme in ("http", "https")


def _refusal(setting: Setting, what: str, remedy: str) -> CloneInvalid:
    return CloneInvalid(f"The setting {setting.key} in {setting.file} {what}. Nothing was sent.", remedy)


def _unset(setting: Setting) -> str:
    is_shown = redacted(setting.key) == setting.key  # a name that contains a secret is not printed
    action = f"--unset-all {shlex.quote(setting.key)}" if is_shown else "--edit"
    return f"Remove it: git config --file {shlex.quote(setting.file)} {action}"


def _move(setting: Setting, clone: str, key: str) -> str:
    return f"Set it in the clone (git -C {shlex.quote(clone)} config {shlex.quote(key)} VALUE). {_unset(setting)}"
