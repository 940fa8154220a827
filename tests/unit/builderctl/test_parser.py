"""Test the help of builderctl at any width, and its hints for mistyped words."""

from __future__ import annotations

import shlex

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.arguments import HERE, MODULES, make_parser, parse
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.builderctl.complete import commands_of
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput

COMMANDS = sorted(commands_of(make_parser()))


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        (["reed"], "'read'"),
        (["mark_read"], "'mark-read'"),
        (["helth"], "'health'"),
        (["--jsn", "read"], "'--json'"),
        (["read", "--form", "build2"], "'--from'"),
        (["send", "--require-ac", "a", "b"], "'--require-ack'"),
        (["send", "--zzz=x", "a", "b"], ""),
        (["send", "--tpye=info", "a", "b"], "'--type'"),
        (["send", "a", "b", "--type", "eror"], "'error'"),
        (["status", "sucess"], "'success'"),
        (["help", "xyz"], ""),
        (["help", "recovr"], "'recover'"),
    ],
)
def test_the_error_of_a_mistyped_word_names_a_similar_one(argv: list[str], hint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(argv)
    assert f"Did you mean {hint}? See " in refused.value.remedy if hint else "Did you mean" not in refused.value.remedy


def test_a_hidden_command_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    assert "complete" not in capsys.readouterr().out
    with pytest.raises(InvalidInput) as refused:
        parse(["complet"])
    assert "complete" not in str(refused.value).replace("'complet'", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_its_option_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", command]) == 0
    shown = capsys.readouterr().out
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out == shown
    assert shown.startswith(f"usage: builderctl {command} ")


@pytest.mark.parametrize("columns", [80, 100, 132])
def test_help_fits_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in ([], *([command] for command in COMMANDS)):
        assert main([*words, "--help"]) == 0
        assert [line for line in capsys.readouterr().out.split("\n") if len(line) > columns] == []


def test_an_example_that_is_wrapped_is_the_same_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def examples(columns: int) -> list[list[str]]:
        monkeypatch.setenv("COLUMNS", str(columns))
        main(["send", "--help"])
        shown = capsys.readouterr().out.partition("examples:\n")[2].partition("\n\n")[0]
        return [shlex.split(line) for line in shown.replace("\\\n", "").splitlines()]

    assert examples(80) == examples(1000)
    assert len(examples(80)) > 3


def test_a_command_has_the_parsers_of_its_own_module_only() -> None:
    for names in MODULES.values():
        for name in names:
            assert set(commands_of(make_parser(name))) == {*names, *HERE, "help"}
    assert {*COMMANDS} == {*HERE, "help", *(name for names in MODULES.values() for name in names)}
