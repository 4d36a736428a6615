"""Keys and passwords, taken out of what is kept or shown: known by where they stand, or by their looks."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote, urlsplit

MASK = "***"
_WORDS = {"KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "PAT"}
"""In the name of a variable: its value is a secret."""
_ENDS = ("KEY", "TOKEN", "SECRET", "PASSWORD")
_LONG, _SHORT = 12, 8
"""So long a value is a secret as it is; a shorter one, down to so long, if it holds a digit: others are words."""
_LOOKS = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"(?<=://)[^/@\s'\"]+@", f"{MASK}@"),  # user and password of an address
        (r"(?i)\b(bearer|basic)\s+(?!\*)[\w.~+/=-]{8,}", rf"\1 {MASK}"),
        (
            r"(?i)([?&;](?:api[-_]?key|key|(?:access[-_]?)?token|secret|password|sig(?:nature)?)=)[^&\s'\"]+",
            rf"\1{MASK}",
        ),
        (
            r"(?i)\b(api[-_]?key|authorization|password|secret|token)(['\"]?\s*[:=]\s*['\"]?)[^\s'\",;*]{8,}",
            rf"\1\2{MASK}",
        ),
        (r"\b(?:sk|pk|rk)-[\w-]{8,}", MASK),  # OpenAI, Anthropic, Stripe
        (r"\bdapi[0-9a-f]{8,}(?:-\d+)?", MASK),  # Databricks
        (r"\b(?:gh[pousr]|hf|glpat|xox[abprs])[_-][\w-]{8,}", MASK),
        (r"\bAKIA[0-9A-Z]{12,}", MASK),
        (r"\bAIza[\w-]{20,}", MASK),
        (r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+", MASK),  # a JSON web token
    )
)

_told: set[str] = set()


def tell(*values: str | None) -> None:
    """Let it be known that these are secrets: whoever is given a key says so, and it is shown nowhere."""
    _told.update(value for value in values if value and _is_secret(value))


def tell_address(url: str) -> str:
    """The same address; the password in it is known to be a secret from now on."""
    tell(*_passwords(url))
    return url


def known_secrets(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The secrets of the environment, and those that were told of, the longest first."""
    found = {value for name, text in environ.items() for value in _values(name, text)}
    return tuple(sorted(_told | found, key=len, reverse=True))


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with each of these masked."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return text


def masked(text: str) -> str:
    """What went wrong, in words that may be shown: known secrets, and all that looks like one, are masked."""
    text = without(text, known_secrets())
    for pattern, put in _LOOKS:
        text = pattern.sub(put, text)
    return text


def _values(name: str, text: str) -> Iterator[str]:
    """The secrets in one variable of the environment."""
    if "://" in text:
        yield from _passwords(text)
    elif (_WORDS & set(name.upper().split("_")) or name.upper().endswith(_ENDS)) and _is_secret(text):
        yield text


def _passwords(url: str) -> Iterator[str]:
    try:
        password = urlsplit(url.strip()).password or ""
    except ValueError:
        return
    yield from (one for one in {password, unquote(password)} if _is_secret(one))


def _is_secret(value: str) -> bool:
    """Whether a value is one: no path, no number, no short word, nothing with spaces in it."""
    if value.isdigit() or value.startswith(("/", "~", ".")) or any(char.isspace() for char in value):
        return False
    return len(value) >= _LONG or (len(value) >= _SHORT and any(char.isdigit() for char in value))
