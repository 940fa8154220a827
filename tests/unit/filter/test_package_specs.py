"""Test the package specifications that a play accepts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.filter.package_specs import package_specs


@pytest.mark.parametrize(
    ("names", "state"),
    [
        *(
            ([name], "present")
            for name in ("lib*", "lib?", "lib[a]", "!lib", "~nlib", "?name(x)", "lib:amd64", "lib/sid")
        ),
        *(
            ([name], "present")
            for name in ("lib>=1.5", "lib=1.*", "lib=", "lib=1 -y", "lib^", "--purge", "./x.deb", "Lib", "", 5)
        ),
        (["lib", "lib=1.0"], "present"),
        (["lib=1.0"], "absent"),
        (["lib=1.0"], "latest"),
        (["lib"], "purged"),
        ("lib", "present"),
        ([], "absent"),
    ],
)
def test_options_and_paths_are_not_packages(names: Any, state: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"\.$"):
        package_specs(names, state)


def test_good_names_are_named_once() -> None:
    assert package_specs(["g++", "jq", "lib=1:2~b+c-1", "jq"]) == ["g++", "jq", "lib=1:2~b+c-1"]
    assert package_specs(["jq"], "absent") == ["jq"]
