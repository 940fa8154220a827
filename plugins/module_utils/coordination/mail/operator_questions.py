# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions that only the operator may answer. Only an answer that he has signed closes one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..identity.fleet import OPERATOR
from ..identity.host import Host
from ..identity.verification import MARKED, TRUE, is_trusted
from .answers import is_operators_answer, key_of, keys_of
from .mailbox import verify_messages
from .message import Message


def open_questions(messages: Sequence[Message], host: Host) -> list[Message]:
    """Return the questions to the operator that he has not answered, in the order of the messages.

    Questions whose sender is not trusted are the last ones, so that they cannot hide the others.

    :param messages: the messages among which to search for questions and answers, those of the mailbox.
    """
    questions = [message for message in messages if message.needs]
    if not questions:
        return []
    asked = {question.id for question in questions if question.id}
    answers = [message for message in messages if message.in_reply_to in asked and message.sender == OPERATOR]
    signed: dict[str, list[Message]] = {}
    for answer, one in zip(answers, verify_messages(host, answers)):
        if one.verified == TRUE:
            signed.setdefault(answer.in_reply_to, []).append(answer)
    still_open = [
        question
        for question in questions
        if not any(is_operators_answer(host, answer, question) for answer in signed.get(question.id, []))
    ]
    trusted = [
        is_trusted(host, question.sender_in(host.fleet), one)
        for question, one in zip(still_open, verify_messages(host, still_open))
    ]
    return [question for wanted in (True, False) for question, is_one in zip(still_open, trusted) if is_one is wanted]


class OperatorQuestions:
    """The questions to the operator, to recognize answers of others.

    :param messages: the messages among which to search for questions.
    """

    def __init__(self, host: Host, messages: Iterable[Message]) -> None:
        self._host = host
        self._asked = {key: message for message in messages if message.needs for key in keys_of(message)}

    def has_other_answer(self, message: Message, verified: str) -> bool:
        """Return whether a message answers one of the questions, and the operator has not signed it.

        :param verified: the verification of its sender, one of :data:`.verification.VERIFIED`.
        """
        asked = self._asked.get(key_of(message))
        if asked is None:
            return False
        return verified not in (TRUE, MARKED) or not is_operators_answer(self._host, message, asked)
