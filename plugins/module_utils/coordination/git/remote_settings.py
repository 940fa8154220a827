# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Git that change which remote is asked, as whom, or how: honoured everywhere, or refused by name.

The command, the modules and the service must reach the same remote with the same credential. The service sees neither
a person's settings nor the variables of a shell. So those of the machine (/etc/gitconfig) and of the clone count for
all of them, and those of a person for none.
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
SYSTEM, PERSON, CLONE = "system", "person", "clone"
"""Whose settings they are."""
CONNECTION = frozenset(
    f"http.{name}"
    for name in (
        *("proxy", "proxyauthmethod", "proxysslcert", "proxysslkey", "proxysslcainfo", "sslbackend", "sslcainfo"),
        *("sslcapath", "sslcert", "sslkey", "sslversion", "sslcipherlist", "pinnedpubkey", "version"),
    )
) | {"core.sshcommand", "ssh.variant"}
"""How a remote is reached."""
CREDENTIALS = frozenset({"http.extraheader", "http.cookiefile", "http.emptyauth", "http.delegation"})
"""What is sent beside, or in place of, the token."""
_FALSE = ("false", "no", "off", "0", "")


class Setting(NamedTuple):
    """A setting: whose it is, the file that has it, its full name, and its value."""

    owner: str
    file: str
    key: str
    value: str

    @property
    def name(self) -> str:
        """Its name without what it is for, as ``http.proxy``."""
        return f"{self.key.partition('.')[0]}.{self.key.rpartition('.')[2]}"

    @property
    def subject(self) -> str:
        """What it is for, as the address in ``http.https://git.example.proxy``; empty when for all."""
        return self.key.partition(".")[2].rpartition(".")[0]


def person_files() -> list[Path]:
    """Where the settings of the person are who runs this process (git-config(1), FILES)."""
    home = os.path.expanduser("~")
    return [Path(os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config", "git", "config"), Path(home, ".gitconfig")]


def parse_settings(owner: str, listed: bytes) -> Iterator[Setting]:
    """The settings in what ``git config --list --show-origin --null`` prints."""
    parts = listed.decode("utf-8", "replace").split("\0")
    for origin, setting in zip(parts[::2], parts[1::2]):
        key, _line_end, value = setting.partition("\n")
        yield Setting(owner, origin.partition(":")[2], key, value)


def has_work_tree_file(settings: Sequence[Setting]) -> bool:
    """Whether settings of a clone have Git read those of the work tree, too."""
    values = [setting.value.lower() for setting in settings if setting.key == "extensions.worktreeconfig"]
    return bool(values) and values[-1] not in _FALSE[:-1]  # a name without a value is true


def honoured(settings: Sequence[Setting], clone: str, remote: str, url: str) -> tuple[str, ...]:
    """Those settings of the clone with which the remote is reached, each ``name=value``.

    :param clone: the path of the clone.
    :param remote: the name of the remote.
    :param url: its URL, as the clone has it.
    :raises CloneInvalid: naming a setting that would lead elsewhere, add a credential or be seen by some only.
    """
    urls = {setting.value for setting in settings if setting.owner == CLONE and setting.key == f"remote.{remote}.url"}
    if len(urls) > 1:
        raise CloneInvalid(
            f"The remote {remote!r} of {clone} has several URLs.",
            f"Set the right one: git -C {clone} config --replace-all remote.{remote}.url URL",
        )
    for setting in settings:
        _check_address(setting, clone, remote, url)
        if _is_for(setting, url):
            _check_connection(setting, clone)
    return tuple(
        f"{setting.key}={setting.value}"
        for setting in settings
        if setting.owner == CLONE and setting.name in CONNECTION and _is_for(setting, url)
    )


def _check_address(setting: Setting, clone: str, remote: str, url: str) -> None:
    """Refuse what leads to another address."""
    if setting.name in ("url.insteadof", "url.pushinsteadof") and setting.value and url.startswith(setting.value):
        raise _refusal(
            setting,
            "leads to another address than that of the clone",
            f"If that address is meant, set builders_remote_url to it and run the set-up. {_take_out(setting)}",
        )
    pushes_elsewhere = setting.key == f"remote.{remote}.pushurl" and setting.value != url
    if setting.owner == CLONE and (pushes_elsewhere or setting.key == f"remote.{remote}.proxy"):
        what = "pushes to another address than it fetches from" if pushes_elsewhere else "counts for this remote alone"
        raise _refusal(setting, what, _take_out(setting) if pushes_elsewhere else _move(setting, clone, "http.proxy"))


def _check_connection(setting: Setting, clone: str) -> None:
    """Refuse what adds a credential, trusts everybody, or is seen by some only."""
    if setting.name in CREDENTIALS and setting.value:
        raise _refusal(setting, "sends a credential beside the token", _take_out(setting))
    if setting.name == "http.sslverify" and setting.value.lower() in _FALSE:
        raise _refusal(
            setting,
            "gives the token to whoever answers in place of the remote",
            "Trust the certificate instead: put that of its authority into /usr/local/share/ca-certificates and run "
            f"update-ca-certificates. {_take_out(setting)}",
        )
    if setting.name == "http.curloptresolve":
        raise _refusal(setting, "leads to another address than that of the clone", _take_out(setting))
    if setting.name not in CONNECTION or setting.owner == SYSTEM:
        return
    if setting.owner == PERSON:
        raise _refusal(setting, "is not seen by the service", _move(setting, clone, setting.key))
    if "@" in setting.value:
        remedy = f"Set it for the machine (git config --system {shlex.quote(setting.key)} VALUE). {_take_out(setting)}"
        raise _refusal(setting, "holds a user or a password, which would stand in the list of processes", remedy)


def _is_for(setting: Setting, url: str) -> bool:
    """Whether a setting of a connection is for a URL (git-config(1), http.<url>.*)."""
    section = setting.key.partition(".")[0]
    try:
        ours, theirs = urlsplit(url), urlsplit(setting.subject)
        if section != "http":
            return section in ("core", "ssh") and not _is_http(ours) and not url.startswith("/")
        return _is_http(ours) and (not setting.subject or _fits(theirs, ours))
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


def _take_out(setting: Setting) -> str:
    is_shown = redacted(setting.key) == setting.key  # else its name holds a secret
    what = f"--unset-all {shlex.quote(setting.key)}" if is_shown else "--edit"
    return f"Take it out: git config --file {shlex.quote(setting.file)} {what}"


def _move(setting: Setting, clone: str, key: str) -> str:
    return f"Set it in the clone (git -C {shlex.quote(clone)} config {shlex.quote(key)} VALUE). {_take_out(setting)}"
