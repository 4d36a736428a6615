"""LiteLLM's exceptions, mapped to ours in one place, by the names of their classes."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from convsim_nb.adapters.completions import cut
from convsim_nb.adapters.retries import Fault, retry_after
from convsim_nb.domain.errors import ModelError

_SCHEMA_TRIES = 2
_SCHEMA_WORDS = ("response_format", "json_schema", "output_config", "output format", "structured output")
_PREFIX = re.compile(r"^(litellm\.)?\w+(Error: |Exception: |Exception - )")
_INNER = re.compile(r'"message": ?("(?:[^"\\]|\\.)*")')


class Meaning(NamedTuple):
    """What an exception tells the user, and how many tries it is worth."""

    words: str
    tries: int = 1


_KEY = Meaning("the key was not accepted: set a valid one")
_NO_MODEL = Meaning("no such model: check its name")
_LONG = Meaning("the conversation is longer than the model's context window: take a larger model, or fewer turns")
_FILTERED = Meaning("the provider's content filter stopped it: reword the test case")
_REFUSED = Meaning("the request was refused")
_SLOW = Meaning("no answer in time", tries=2)
_LIMITED = Meaning("rate limit", tries=10)
_BROKEN = Meaning("the provider sent what is no chat completion", tries=3)
_DOWN = Meaning("the provider failed", tries=5)
_NO_CONNECTION = Meaning("no connection", tries=5)

MEANINGS: Mapping[str, Meaning] = {
    "APIConnectionError": _NO_CONNECTION,
    "APIError": _DOWN,
    "APIResponseValidationError": _BROKEN,
    "AuthenticationError": _KEY,
    "BadGatewayError": _DOWN,
    "BadRequestError": _REFUSED,
    "BlockedPiiEntityError": _FILTERED,
    "BudgetExceededError": Meaning("the budget set in LiteLLM is spent"),
    "ContentPolicyViolationError": _FILTERED,
    "ContextWindowExceededError": _LONG,
    "GuardrailRaisedException": _FILTERED,
    "GuardrailInterventionNormalStringError": _FILTERED,  # gone in 1.100
    "ImageFetchError": _REFUSED,
    "InternalServerError": _DOWN,
    "InvalidRequestError": _REFUSED,
    "JSONSchemaValidationError": _BROKEN,
    "LiteLLMUnknownProvider": Meaning("no such provider: check the name before `:/`"),
    "MidStreamFallbackError": _DOWN,
    "MockException": _DOWN,
    "ModelNotMappedError": _NO_MODEL,
    "ModifyResponseException": _FILTERED,
    "NotFoundError": _NO_MODEL,
    "OpenAIError": Meaning("the request could not be sent"),
    "PaymentRequiredError": Meaning("the account is out of credit"),
    "PermissionDeniedError": _KEY,
    "RateLimitError": _LIMITED,
    "RejectedRequestError": _FILTERED,
    "SensitiveDataRouteException": _FILTERED,
    "ServiceUnavailableError": _DOWN,
    "Timeout": _SLOW,
    "TimeoutError": _SLOW,
    "UnprocessableEntityError": _REFUSED,
    "UnsupportedParamsError": _REFUSED,
    "VectorStoreSearchError": _REFUSED,
}
_BY_STATUS = {401: _KEY, 403: _KEY, 404: _NO_MODEL, 408: _SLOW, 429: _LIMITED}
"""For the `APIError` that LiteLLM makes of a status it has no class for."""


def fault_of(error: Exception, *, name: str, again: bool = False, secrets: Mapping[str, str]) -> Fault:
    """What an exception of `litellm.acompletion` means; `again` says that the next try asks for less.

    `secrets` are taken out of the provider's words; they stand under the names of the variables that hold them.
    """
    meaning = _meaning_of(error)
    wait = _wait_of(error)
    said = ModelError(f"{name}: {meaning.words}{_said(error, meaning, secrets)}")
    if again:
        return Fault(said, tries=_SCHEMA_TRIES, wait=0.0)
    return Fault(said, tries=meaning.tries, wait=wait, limited=meaning is _LIMITED or wait is not None)


def speaks_of_schema(error: Exception) -> bool:
    """True where the provider refused the request for its `response_format`."""
    return _meaning_of(error) is _REFUSED and any(word in str(error).lower() for word in _SCHEMA_WORDS)


def _meaning_of(error: Exception) -> Meaning:
    """That of the nearest class in the map; of what stands in none, its own words."""
    names = [parent.__name__ for parent in type(error).__mro__]
    found = next((MEANINGS[name] for name in names if name in MEANINGS), Meaning(f"LiteLLM failed: {names[0]}"))
    return _BY_STATUS.get(getattr(error, "status_code", 0), found) if names[0] == "APIError" else found


def _said(error: Exception, meaning: Meaning, secrets: Mapping[str, str]) -> str:
    """The provider's words, without LiteLLM's class names before them, and without keys in them."""
    if meaning is _KEY:  # without the provider's words, which quote the key
        return f" in {' or '.join(secrets)}" if secrets else ""
    if meaning is _SLOW:
        return ""
    said = str(error)
    while (shorter := _PREFIX.sub("", said)) != said:
        said = shorter
    if inner := _INNER.search(said):
        said = json.loads(inner[1], strict=False)
    for secret in secrets.values():
        said = said.replace(secret, "***")
    return f": {cut(said)}"


def _wait_of(error: Any) -> float | None:
    """Seconds that the provider asked for: LiteLLM keeps its headers beside an empty response."""
    response = getattr(error, "response", None)
    for headers in (getattr(error, "litellm_response_headers", None), getattr(response, "headers", None)):
        if headers and (wait := retry_after(headers.get("retry-after"))) is not None:
            return wait
    return None
