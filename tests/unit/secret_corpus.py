"""Generator of texts with secrets. They are created at run time, so that no file contains text like a secret."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"
BASE64 = ALNUM + "+/"
BASE36 = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
MATTERMOST = "ybndrfg8ejkmcpqxot1uwisza345h769"
GITLAB_KINDS = ("pat", "oas", "dt", "rt", "rtr", "cbt", "ptt", "ft", "imt", "agent", "wt", "soat", "ffct")


class Planted(NamedTuple):
    """A text with a secret: the form of the secret, the text and the secret."""

    name: str
    text: str
    secret: str


def chars(random: Random, alphabet: str, count: int) -> str:
    """Return random characters, the last of which cannot be the end of a sentence or of a file name."""
    return "".join(random.choices(alphabet, k=count - 1)) + random.choice(
        [char for char in alphabet if char not in "-_.,;"]
    )


def encoded(value: object) -> str:
    """Return JSON in base64url, as in a JSON web token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def web_token(random: Random) -> str:
    """Return a JSON web token."""
    header = {"alg": random.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}
    claims = {
        "sub": chars(random, BASE36, 12),
        "exp": random.randrange(10**9, 2 * 10**9),
        "n": "ü" * random.randrange(9),
    }
    return f"{encoded(header)}.{encoded(claims)}.{chars(random, URLSAFE, random.choice([43, 86, 342]))}"


def github(random: Random) -> str:
    """Return a token of GitHub: classic, fine-grained, of 2026, or of a possible future length."""
    prefix = "gh" + random.choice("oprsu") + "_"
    return random.choice(
        [
            prefix + chars(random, ALNUM, random.choice([36, 36, 76, 251])),
            "github" + "_pat_" + chars(random, ALNUM, 22) + "_" + chars(random, ALNUM, 59),
            "ghs" + f"_{random.randrange(10**6)}_" + web_token(random),
        ]
    )


def gitlab(random: Random) -> str:
    """Return a token of GitLab, with or without the routing part."""
    prefix = "gl" + random.choice(GITLAB_KINDS) + "-"
    routing = "." + chars(random, BASE36, 2) + "." + chars(random, BASE36, 9)
    return random.choice(
        [
            prefix + chars(random, URLSAFE, random.choice([20, 26, 50])),
            "gl" + "pat-" + chars(random, URLSAFE, 27) + routing,
            "gl" + "rt-t1_" + chars(random, URLSAFE, 27) + routing,
            "gl" + "cbt-64_" + chars(random, URLSAFE, 20),
        ]
    )


def slack(random: Random) -> str:
    """Return a token of Slack."""
    number = chars(random, string.digits, 12)
    return random.choice(
        [
            "xox" + random.choice("bp") + f"-{number}-{number}-" + chars(random, ALNUM, 24),
            "xox" + random.choice("ar") + "-2-" + chars(random, ALNUM, 40),
            "xox" + "s-" + f"{number}-{number}-{number}-" + chars(random, HEX, 10),
            "xox"
            + "e."
            + "xox"
            + random.choice("bp")
            + "-1-"
            + chars(random, BASE64.replace("/", "").replace("+", ""), 160),
            "xox" + "e-1-" + chars(random, ALNUM, 140),
            "xapp" + f"-1-A{chars(random, UPPER, 10)}-{number}-" + chars(random, HEX, 64),
        ]
    )


TOKENS: dict[str, Callable[[Random], str]] = {
    "a GitHub token": github,
    "a GitLab token": gitlab,
    "an AWS access key id": lambda random: random.choice(["AK", "AS"]) + "IA" + chars(random, UPPER, 16),
    "a Slack token": slack,
    "a Slack webhook address": lambda random: (
        f"hooks.slack.com/services/T{chars(random, UPPER, 10)}/B{chars(random, UPPER, 10)}/{chars(random, ALNUM, 24)}"
    ),
    "a Mattermost webhook address": lambda random: "/hooks/" + chars(random, MATTERMOST, 26),
    "an npm token": lambda random: "npm" + "_" + chars(random, ALNUM, 36),
    "a JSON web token": web_token,
    "an Anthropic key": lambda random: (
        "sk-" + f"ant-{random.choice(['api03', 'admin01'])}-" + chars(random, URLSAFE, 95)
    ),
    "an OpenAI key": lambda random: random.choice(
        [
            "sk-" + chars(random, ALNUM, 20) + "T3Blbk" + "FJ" + chars(random, ALNUM, 20),
            "sk-" + f"{random.choice(['proj', 'svcacct', 'admin'])}-" + chars(random, URLSAFE, 120),
        ]
    ),
}
"""Secrets that are recognized without their context."""

AROUND = (
    "GIT_TOKEN={}\n",
    "export API_KEY='{}'\n",
    "  token: {}\n  user: build1\n",
    'password: "{}"',
    "curl -sS -H 'X-Token: {}' https://api.example.com/v1/builds",
    "2026-11-22T07:11:46Z INFO [main] login with {} succeeded",
    "https://example.com/hook?token={}&job=build-17",
    '{{"server": "build1", "token": "{}", "ok": true}}',
    "The token of the other server is {}.",
    "Use {}, it is valid until Friday.",
    'Please put `{}` into /PAT (not "{}").',
    "see <token>{}</token>",
    "builderctl send build2 --body={} && echo sent",
    "first line\n{}\nlast line",
    "TOKEN_{}",
    "{}",
)
"""The contexts of a secret; the braces are its place."""

PASSWORD_URLS = (
    "https://build1:{}@github.com/acme/Build.git",
    "git clone http://x:{}@[::1]:8080/a",
    "amqp://mq:{}@mq/v",
)
HEADERS = (
    "curl -H 'Authorization: Bearer {}' https://api.example.com",
    '"Authorization": "Basic {}",',
    "> authorization: token {}",
    'git -c http.extraheader="AUTHORIZATION: basic {}" fetch',
)
AWS_SECRETS = (
    "AWS_SECRET_ACCESS_KEY={}",
    "aws_secret_access_key = {}",
    '"SecretAccessKey": "{}"',
    "aws configure set aws_secret_access_key {}",
    "  aws_secret_key: '{}'",
)


def password(random: Random) -> str:
    """Return a password as in a URL."""
    return chars(random, ALNUM + "!$%&*+,-.;=_~", random.randrange(6, 40))


def basic(random: Random) -> str:
    """Return the credentials of HTTP basic authentication."""
    return base64.b64encode(f"user:{password(random)}".encode()).decode()


def in_context(random: Random) -> Iterator[Planted]:
    """Yield secrets that are recognized only by their context."""
    key = chars(random, BASE64, 40)
    yield Planted("an AWS secret access key", random.choice(AWS_SECRETS).format(key), key)
    word = password(random)
    yield Planted("a password in a URL", random.choice(PASSWORD_URLS).format(word), word)
    sent = random.choice(
        [basic(random), "t" + chars(random, URLSAFE + ".~+", random.randrange(20, 90)), chars(random, HEX, 40)]
    )
    yield Planted("an HTTP Authorization header", random.choice(HEADERS).format(sent), sent)


def private_key(random: Random) -> str:
    """Return a private key in PEM form, sometimes truncated."""
    kind = random.choice(["RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", "", "PGP "])
    label = kind + "PRIVATE" + " KEY" + (" BLOCK" if kind == "PGP " else "")
    data, width = chars(random, BASE64, random.randrange(90, 3300)), random.choice([64, 70, 76])
    lines = [data[start : start + width] for start in range(0, len(data), width)]
    extra = ["Version: GnuPG v2", "Comment: a-b, c", ""] if kind == "PGP " else []
    if kind == "RSA " and random.random() < 0.5:
        extra = ["Proc-Type: 4,ENCRYPTED", f"DEK-Info: AES-128-CBC,{chars(random, HEX, 32)}", ""]
    end = [*(["=" + chars(random, BASE64, 4)] if kind == "PGP " else []), f"-----END {label}-----"]
    return "\n".join([f"-----BEGIN {label}-----", *extra, *lines, *(end if random.random() < 0.7 else [])])


def key_texts(random: Random, key: str) -> tuple[str, str]:
    """Return a text that contains a private key, and the key as in the text."""
    style = random.randrange(6)
    if style == 0:
        return f"Here it is:\n\n{key}\n\nThat was it.", key
    if style == 1:
        shown = key.replace("\n", "\n    ")
        return f"ssh_key: |\n    {shown}\nuser: build1\n", shown
    if style == 2:
        shown = json.dumps(key)[1:-1]
        return json.dumps({"key": key, "user": "build1"}), shown
    if style == 3:
        shown = key.replace("\n", "\r\n")
        return f"{shown}\r\n", shown
    if style == 4:
        shown = key.replace("\n", "\n> ")
        return f"> {shown}\n>\n> Greetings", shown
    return f'KEY="{key}"\nexport KEY', key


def within(number: int, secret: str) -> str:
    """Return a text with a secret in one of the contexts."""
    around = AROUND[number % len(AROUND)]
    return around.replace("{{", "{").replace("}}", "}").replace("{}", secret)


def planted(random: Random, count: int) -> Iterator[Planted]:
    """Yield texts with secrets, ``count`` of each form."""
    for number in range(count):
        for name, make in TOKENS.items():
            secret = make(random)
            yield Planted(name, within(number, secret), secret)
        yield Planted("a private key", *key_texts(random, private_key(random)))
        yield from in_context(random)
