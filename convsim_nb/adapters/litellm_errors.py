"""LiteLLM's exceptions, mapped to ours in one place, by their class names: most special first."""

from collections.abc import Mapping

from convsim_nb.adapters.completions import cut
from convsim_nb.adapters.retries import Fault, retry_after
from convsim_nb.domain.errors import ModelError

_LIMIT_TRIES = 10
_SERVER_TRIES = 5
_TIMEOUT_TRIES = 2
_SCHEMA_TRIES = 2
_SCHEMA_WORDS = ("response_format", "json_schema", "output_config", "output format", "structured output")

_CONTENT = "the provider's content filter stopped it: reword the test case"
_KEY = "the key was not accepted: set a valid one for this provider"
_LONG = "the conversation is longer than the model's context window: take a larger model, or fewer turns"

MEANINGS: Mapping[str, tuple[str, int]] = {
    "AuthenticationError": (_KEY, 1),
    "PermissionDeniedError": (_KEY, 1),
    "NotFoundError": ("no such model: check its name", 1),
    "LiteLLMUnknownProvider": ("no such provider: check the name before `:/`", 1),
    "ModelNotMappedError": ("no such model: check its name", 1),
    "ContextWindowExceededError": (_LONG, 1),
    "ContentPolicyViolationError": (_CONTENT, 1),
    "RejectedRequestError": (_CONTENT, 1),
    "GuardrailRaisedException": (_CONTENT, 1),
    "BlockedPiiEntityError": (_CONTENT, 1),
    "SensitiveDataRouteException": (_CONTENT, 1),
    "ModifyResponseException": (_CONTENT, 1),
    "PaymentRequiredError": ("the account is out of credit", 1),
    "BudgetExceededError": ("the budget set in LiteLLM is spent", 1),
    "UnsupportedParamsError": ("the model does not take a parameter", 1),
    "RateLimitError": ("rate limit", _LIMIT_TRIES),
    "Timeout": ("", _TIMEOUT_TRIES),
    "TimeoutError": ("", _TIMEOUT_TRIES),
    "JSONSchemaValidationError": ("the answer does not fit its schema", _TIMEOUT_TRIES),
    "APIResponseValidationError": ("the provider sent what is no chat completion", _TIMEOUT_TRIES),
    "InternalServerError": ("the provider failed", _SERVER_TRIES),
    "ServiceUnavailableError": ("the provider failed", _SERVER_TRIES),
    "BadGatewayError": ("the provider failed", _SERVER_TRIES),
    "MidStreamFallbackError": ("the provider failed", _SERVER_TRIES),
    "APIConnectionError": ("no connection", _SERVER_TRIES),
    "BadRequestError": ("the request was refused", 1),
    "ImageFetchError": ("the request was refused", 1),
    "VectorStoreSearchError": ("the request was refused", 1),
    "InvalidRequestError": ("the request was refused", 1),
    "UnprocessableEntityError": ("the request was refused", 1),
    "MockException": ("the provider failed", _SERVER_TRIES),
    "APIError": ("the provider failed", _SERVER_TRIES),
    "OpenAIError": ("the request could not be sent", 1),
}
"""What each class means, and how many tries it is worth."""


def meaning_of(error_type: type[BaseException]) -> tuple[str, int] | None:
    """The entry of the nearest class that stands in the map, or None."""
    return next((MEANINGS[parent.__name__] for parent in error_type.__mro__ if parent.__name__ in MEANINGS), None)


def fault_of(error: Exception, *, name: str, timeout: float, again: bool = False) -> Fault:
    """What an exception of `litellm.acompletion` means; `again` says that the next try asks for less."""
    meaning, tries = meaning_of(type(error)) or (f"LiteLLM failed: {type(error).__name__}", 1)
    if meaning == _KEY:  # without the provider's words: they quote the key
        return Fault(ModelError(f"{name}: {meaning}"))
    if isinstance(error, TimeoutError) or type(error).__name__ == "Timeout":
        return Fault(ModelError(f"{name}: no answer in {timeout:g} s"), tries=tries)
    said = ModelError(f"{name}: {meaning}: {cut(error)}")
    if again:
        return Fault(said, tries=_SCHEMA_TRIES, wait=0.0)
    response = getattr(error, "response", None)
    wait = retry_after(getattr(response, "headers", {}).get("retry-after"))
    return Fault(said, tries=tries, wait=wait, limited=meaning == "rate limit" or wait is not None)


def speaks_of_schema(error: Exception) -> bool:
    """True where the provider refused the request for its `response_format`."""
    refused = type(error).__name__ in ("BadRequestError", "UnsupportedParamsError", "UnprocessableEntityError")
    return refused and any(word in str(error).lower() for word in _SCHEMA_WORDS)
