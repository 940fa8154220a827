#!/usr/bin/python
# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create folders, files and links in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: build_files
short_description: Create folders, files and links in one call
version_added: 1.1.0
description:
  - Creates what is missing and corrects what differs, first the folders, then the files, then the links, each in their order.
  - The roles of this collection use it, because a task for each file would take most of the time of a set-up.
  - The contents are logged and printed like those of other options. Use M(ansible.builtin.copy) for secrets.
options:
  folders:
    description: The folders. Their parents are created with the default mode.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path of the folder.
        type: path
        required: true
      mode:
        description: The mode, as in M(ansible.builtin.file).
        type: raw
        required: true
  files:
    description: The files. Each is replaced atomically.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path of the file. Its folder must exist.
        type: path
        required: true
      content:
        description: The text.
        type: str
        required: true
      mode:
        description: The mode, as in M(ansible.builtin.file).
        type: raw
        required: true
  links:
    description: The symbolic links. A file at the path of a link is replaced.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path of the link.
        type: path
        required: true
      target:
        description: What the link refers to, which need not exist.
        type: str
        required: true
attributes:
  check_mode:
    support: full
    description: Predicts the changes.
  diff_mode:
    support: full
    description: Shows the changes of contents, modes and links.
  platform:
    support: full
    description: Linux.
    platforms: posix
author:
  - The acs.builders authors (@acs-builders)
seealso:
  - module: ansible.builtin.copy
  - module: ansible.builtin.file
"""

EXAMPLES = r"""
- name: Install the settings of a program
  acs.builders.build_files:
    folders:
      - {path: /etc/example, mode: "0755"}
    files:
      - path: /etc/example/example.conf
        content: "{{ lookup('ansible.builtin.template', 'example.conf.j2') }}"
        mode: "0644"
    links:
      - {path: /etc/example.conf, target: example/example.conf}
  register: installed

- name: Restart the program
  ansible.builtin.systemd_service:
    name: example
    state: restarted
  when: "'/etc/example/example.conf' in installed.paths"
"""

RETURN = r"""
paths:
  description: The paths of what was changed.
  returned: success
  type: list
  elements: str
  sample: [/etc/example/example.conf]
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

MODE = {"type": "raw", "required": True}
PATH = {"type": "path", "required": True}
TEXT = {"type": "str", "required": True}

Difference = dict[str, Any]


def difference(path: Path, before: Any, after: Any) -> Difference:
    """Return a difference as Ansible prints it."""
    return {"before_header": str(path), "after_header": str(path), "before": before, "after": after}


def place_folder(module: AnsibleModule, path: Path) -> list[Difference]:
    """Create a folder if it is missing, and return the differences."""
    if path.is_dir():
        return []
    if not module.check_mode:
        path.mkdir(parents=True)
    return [difference(path, {"state": "absent"}, {"state": "directory"})]


def place_file(module: AnsibleModule, path: Path, content: str) -> list[Difference]:
    """Write a file if its content differs, and return the differences."""
    before = path.read_bytes() if path.exists() else None
    if before == content.encode():
        return []
    if not module.check_mode:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode())
        module.atomic_move(temporary, str(path))
    return [difference(path, (before or b"").decode(errors="replace"), content)]


def place_link(module: AnsibleModule, path: Path, target: str) -> list[Difference]:
    """Create or replace a link if it differs, and return the differences."""
    before = os.readlink(path) if path.is_symlink() else None
    if before == target:
        return []
    if not module.check_mode:
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.symlink_to(target)
        temporary.replace(path)
    return [difference(path, {"target": before}, {"target": target})]


def set_mode(module: AnsibleModule, path: Path, mode: Any) -> list[Difference]:
    """Set the mode if it differs, and return the differences."""
    if not path.exists():  # in check mode
        return []
    found = difference(path, {}, {})
    return [found] if module.set_mode_if_different(str(path), mode, False, found) else []


def place(module: AnsibleModule, kind: str, wanted: dict[str, Any]) -> list[Difference]:
    """Create or correct a folder, a file or a link, and return the differences.

    :raises OSError: if that is not possible.
    """
    path = Path(wanted["path"])
    if kind == "links":
        return place_link(module, path, wanted["target"])
    if kind == "folders":
        return place_folder(module, path) + set_mode(module, path, wanted["mode"])
    return place_file(module, path, wanted["content"]) + set_mode(module, path, wanted["mode"])


def main() -> None:
    """Run the module."""
    entries = {"path": PATH, "mode": MODE}
    kinds = {"folders": entries, "files": {**entries, "content": TEXT}, "links": {"path": PATH, "target": TEXT}}
    module = AnsibleModule(
        argument_spec={
            kind: {"type": "list", "elements": "dict", "default": [], "options": options}
            for kind, options in kinds.items()
        },
        supports_check_mode=True,
    )
    paths: list[str] = []
    differences: list[Difference] = []
    for kind in kinds:
        for wanted in module.params[kind]:
            try:
                found = place(module, kind, wanted)
            except OSError as error:
                module.fail_json(msg=f"{wanted['path']} cannot be installed: {error.strerror or error}")
            paths += [wanted["path"]] if found else []
            differences += found
    module.exit_json(changed=bool(paths), paths=paths, diff=differences if module._diff else [])


if __name__ == "__main__":
    main()
