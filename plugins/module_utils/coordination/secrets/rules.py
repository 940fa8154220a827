# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of the secrets that a build server has, as their issuers document them.

These are credentials of Git hosts, of the clients of managers, of the chat that receives alerts, of the registries and
stores that a build uses, and keys. A form of another service is added with its source, when a fleet uses the service.

The time of a search is linear in the length of the text: after an unbounded repetition no pattern has a required part,
or only one that the repetition cannot match.
"""

from __future__ import annotations

from typing import NamedTuple


class SecretForm(NamedTuple):
    """A kind of secret and its pattern.

    :param name: the name for messages, with its article.
    :param pattern: a regular expression, compiled at its first use. If it has a group ``secret``, only that group is
        the secret.
    :param source: the documentation of the form.
    :param hints: texts in lower case. A text that contains none of them, in any case, contains no such secret.
    """

    name: str
    pattern: str
    source: str
    hints: tuple[str, ...]


def _token(form: str) -> str:
    """Return a pattern of a token that does not begin within a word."""
    return rf"(?a)(?<![A-Za-z0-9]){form}"


_NOT_ONE_LETTER = r"(?!([A-Za-z0-9])\1{7})"
"""Placeholders in documentation often repeat one letter."""
_ASSIGNMENT = r"""["'`]?[\s:=>"'`,]{1,8}"""
"""The text between a name and its value in shell, YAML, JSON, Ruby and XML."""
_NOT_WORDS = r"(?!(?:[A-Z]?[a-z]*(?:[._-][A-Z]?[a-z]+){0,8}|[A-Z]+(?:[._-][A-Z]+){0,8})(?!\.?[\w+/=~-]))"
"""Placeholders are words, such as token, Your-Token or YOUR_TOKEN."""
_NOT_A_PLACEHOLDER = (
    r"(?![*.x]+@|X+@|\$(?:[A-Z0-9_]+|[a-z0-9_]+)@|\$\(|%s@|%\([a-z_]+\)s@|%(?:[A-Z_]+|[a-z_]+)%@"
    r"|[A-Z]+(?:[_-][A-Z]+){0,6}@|\[redacted|x-oauth-basic@|\d{1,5}\)"
    r"|(?i:(?:your|my|the|some)?[_-]?(?:password|passwd|pass|pwd|pw|secret|token|pat|credentials?|redacted|hidden)@))"
)
"""Placeholders of a password: asterisks, a variable, a word such as PASSWORD. Digits may be the port of a host."""

_BASE64 = r"[A-Za-z0-9+/=]"
_LINE_BREAK = r"""(?:[\s>|#*"',`\\]|(?<=\\)[nrt])"""
"""The text between the lines of a key: white space, also escaped, and the prefixes of quotations and comments."""
_HEADER = rf"(?:{_LINE_BREAK}{{1,64}}[A-Z][A-Za-z-]{{2,20}}: [^\r\n\\]{{0,200}}(?=[\r\n\\]))"
_KEY_BEGIN = r"-{4,5} ?BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
_KEY_END = r"-{4,5} ?END (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
_KEY_ENDED = rf"(?=(?:[^-]|-(?!---)){{0,600}}?{_BASE64}{{16}})[^-]*(?:-(?!---)[^-]*){{0,60}}{_KEY_END}"
_KEY_CUT = (
    rf"{_HEADER}{{0,6}}{_LINE_BREAK}{{0,64}}{_BASE64}{{24,}}"
    rf"(?:{_LINE_BREAK}{{1,64}}{_BASE64}{{16,}})*(?:{_LINE_BREAK}{{1,64}}{_BASE64}{{1,15}}){{0,2}}"
)

FORMS = (
    SecretForm(
        "a GitHub token",
        _token(
            rf"(?:gh[oprsu]_{_NOT_ONE_LETTER}[A-Za-z0-9_]{{36,}}(?:\.[A-Za-z0-9_-]{{10,}}\.[A-Za-z0-9_-]{{10,}})?"
            r"|github_pat_(?!([A-Za-z0-9])\2{7})[A-Za-z0-9_]{36,})"
        ),
        "GitHub Docs, About authentication to GitHub, GitHub's token formats; GitHub Changelog of 2021-03-31,"
        " Authentication token format updates, and of 2026-05-15 on the longer form of ghs_ tokens, which has two dots",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    SecretForm(
        "a GitLab token",
        _token(
            rf"(?:gl(?:pat|oas|dt|rtr?|cbt|ptt|ft|imt|agent|wt|soat|ffct)-{_NOT_ONE_LETTER}[A-Za-z0-9_-]{{20,}}"
            r"(?:\.[0-9a-z]{2}\.[0-9a-z]{7,9}|\.[0-9a-z]{7,9})?|GR1348941[A-Za-z0-9_-]{20,})"
        ),
        "GitLab Docs, GitLab token overview, Token prefixes: docs.gitlab.com/security/tokens",
        (
            *("glpat-", "gloas-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-"),
            *("glwt-", "glsoat-", "glffct-", "gr1348941"),
        ),
    ),
    SecretForm(
        "an AWS access key id",
        _token(r"(?:AKIA|ASIA|ABIA|ACCA)(?![A-Z0-9]{0,16}EXAMPLE)[A-Z0-9]{16,124}(?![A-Za-z0-9])"),
        "AWS IAM User Guide, IAM identifiers, Understanding unique ID prefixes; IAM API Reference, AccessKey",
        ("akia", "asia", "abia", "acca"),
    ),
    SecretForm(
        "an AWS secret access key",
        (
            rf"(?a)(?i:aws[_ .-]?secret[_ .-]?(?:access[_ .-]?)?key|secret[_ .-]?access[_ .-]?key){_ASSIGNMENT}"
            r"(?P<secret>(?![A-Za-z0-9+/]{0,40}EXAMPLE)[A-Za-z0-9+/]{40,}={0,2})"
        ),
        "AWS CLI User Guide, Configuration and credential file settings; AWS IAM User Guide, Manage access keys",
        ("secret",),
    ),
    SecretForm(
        "a Slack token",
        _token(r"(?:xox[abceoprs](?:\.xox[bp])?|xapp)-\d[A-Za-z0-9-]{12,}"),
        "Slack developer docs, Tokens: docs.slack.dev/authentication/tokens",
        ("xox", "xapp-"),
    ),
    SecretForm(
        "a Slack webhook address",
        r"(?a)hooks\.slack\.com/(?:services|workflows|triggers)/(?!T0{8}/)[A-Za-z0-9_/-]{20,}",
        "Slack developer docs, Sending messages using incoming webhooks",
        ("hooks.slack.com/",),
    ),
    SecretForm(
        "a Mattermost webhook address",
        rf"(?a)/hooks/{_NOT_ONE_LETTER}[13-9a-km-uw-z]{{26}}(?![A-Za-z0-9_-])",
        "Mattermost documentation, Incoming webhooks; the alphabet of its ids: NewId in model/utils.go of its server",
        ("/hooks/",),
    ),
    SecretForm(
        "an npm token",
        _token(rf"npm_{_NOT_ONE_LETTER}[A-Za-z0-9]{{36,}}"),
        "The GitHub Blog of 2021-09-23, Announcing npm's new access token format",
        ("npm_",),
    ),
    SecretForm(
        "a JSON web token",
        _token(r"eyJ[A-Za-z0-9_-]{10,1024}\.eyJ[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,}"),
        "RFC 7519, JSON Web Token, and RFC 7515, section 3.1",
        (".eyj",),
    ),
    SecretForm(
        "a private key",
        rf"(?a){_KEY_BEGIN}(?:{_KEY_ENDED}|{_KEY_CUT}(?:{_LINE_BREAK}{{0,64}}{_KEY_END})?)",
        "RFC 7468 and RFC 1421 (PEM), OpenSSH's PROTOCOL.key, RFC 9580, section 6.2 (OpenPGP)",
        ("private key",),
    ),
    SecretForm(
        "an Anthropic key",
        _token(rf"sk-ant-{_NOT_ONE_LETTER}[A-Za-z0-9_-]{{40,}}"),
        "Anthropic's API documentation, Authentication (the prefix is that of issued keys)",
        ("sk-ant-",),
    ),
    SecretForm(
        "an OpenAI key",
        _token(
            r"sk-(?:(?:proj|svcacct|service|admin|None)-(?!([A-Za-z0-9])\1{7})[A-Za-z0-9_-]{40,}"
            r"|[A-Za-z0-9]{16,64}?T3BlbkFJ[A-Za-z0-9]{16,})"
        ),
        "OpenAI API Reference, Authentication (the form is that of issued keys)",
        ("sk-proj-", "sk-svcacct-", "sk-service-", "sk-admin-", "sk-none-", "t3blbkfj"),
    ),
    SecretForm(
        "a password in a URL",
        (
            r"(?<=[A-Za-z0-9])://[^\s/?#:@<>{}\"'`\\]{0,128}:"
            rf"{_NOT_A_PLACEHOLDER}(?P<secret>[^\s/?#<>{{}}\"'`\\…•]{{3,512}})@(?=[A-Za-z0-9_\[])(?!sha256:)"
        ),
        "RFC 3986, section 3.2.1, User Information",
        ("://",),
    ),
    SecretForm(
        "an HTTP Authorization header",
        (
            rf"(?a)(?i:authorization)[\"'`]?\s{{0,3}}[:=,]\s{{0,3}}[\"'`]?(?i:basic|bearer|token)\s{{1,3}}{_NOT_WORDS}"
            r"(?P<secret>(?!(?i:your|x{8})|0{8})[A-Za-z0-9_~+/-][A-Za-z0-9._~+/=-]{6,}[A-Za-z0-9_~+/=-])"
        ),
        "RFC 7617, The 'Basic' HTTP Authentication Scheme, and RFC 6750, Bearer Token Usage",
        ("authorization",),
    ),
)
"""The forms, in the order in which a text is searched."""
