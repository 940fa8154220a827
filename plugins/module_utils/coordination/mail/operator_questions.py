# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions that only the operator may answer. Only an answer that he has signed closes one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..identity.fleet import OPERATOR
from ..identity.host import Host
from ..identity.verification import MARKED, TRUE
from .answers import key_of, keys_of
from .mailbox import verify_messages
from .message import Message


def open_questions(messages: Sequence[Message], host: Host) -> list[Message]:
    """Return the questions to the operator that he has not answered, in the order of the messages.

    :param messages: the messages among which to search for questions and answers, those of the mailbox.
    """
    questions = [message for message in messages if message.needs]
    if not questions:
        return []
    asked = {question.id for question in questions if question.id}
    answers = [message for message in messages if message.in_reply_to in asked and message.sender == OPERATOR]
    verified = zip(answers, verify_messages(host, answers))
    answered = {answer.in_reply_to for answer, one in verified if one.verified == TRUE}
    return [question for question in questions if question.id not in answered]


class OperatorQuestions:
    """The questions to the operator, to recognize answers of others.

    :param messages: the messages among which to search for questions.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        self._keys = {key for message in messages if message.needs for key in keys_of(message)}

    def has_other_answer(self, message: Message, verified: str) -> bool:
        """Return whether a message answers one of the questions, and the operator has not signed it.

        :param verified: the verification of its sender, one of :data:`.verification.VERIFIED`.
        """
        is_his = message.sender == OPERATOR and verified in (TRUE, MARKED)
        return key_of(message) in self._keys and not is_his
