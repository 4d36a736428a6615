"""From a model's name to a `Chat`. What is wrong with a name is said here, before any model is called."""

import inspect
import os
import re
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast
from urllib.parse import urlsplit

from convsim_nb.adapters.connections import shown_url
from convsim_nb.adapters.managed_chat import ManagedChat
from convsim_nb.adapters.openai_chat import OpenAIChat
from convsim_nb.adapters.prices import price_of
from convsim_nb.domain.errors import ModelNameError, UsageError
from convsim_nb.engine.ports import Chat

_OPENAI = "https://api.openai.com/v1"
_ALIASES = {"togetherai": "together_ai", "amazon-bedrock": "bedrock"}
"""MLflow's names for providers, where LiteLLM has others."""
_FAMILIES = {"gpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude": "anthropic", "gemini": "gemini"}
"""Whose model a name is that came without a provider."""
_EXAMPLES = "such as openai:/gpt-5-mini or http://localhost:8000/v1#my-model"


@dataclass(frozen=True)
class _Wanted:
    """A model as it was asked for."""

    uri: str
    path: str
    """What stands after `scheme:/`."""
    params: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 120.0

    def at(self, base_url: str, *, model: str | None = None, **settings: Any) -> OpenAIChat:
        """The model behind an endpoint that speaks the OpenAI protocol."""
        given = {"model": model or self.path, "name": self.uri, "params": self.params, "timeout": self.timeout}
        return OpenAIChat(base_url, **{**given, **settings})


def resolve_model(
    model: object, *, param: str = "model", params: Mapping[str, Any] | None = None, timeout: float = 120.0
) -> tuple[str, Chat]:
    """A model's name as results show it, and the model. `param` is the argument that it was given as.

    `params` are sampling parameters, by their Chat Completions names; `timeout` is for one try of a call, in seconds.

    Raises:
        ModelNameError: none is named, the name is not known, or a key is missing.
    """
    if model is None:
        raise ModelNameError(
            f"no {param} is named: give {param}=, {_EXAMPLES}; demo:/rules is a stand-in that is no language model"
        )
    if not isinstance(model, str):
        return _given(model, param=param, params=params)
    uri = model.strip()
    if re.match(r"https?://", uri):
        return _at_url(_Wanted(uri, "", params or {}, timeout))
    if uri == "databricks":
        return uri, ManagedChat(params=params)
    scheme, path = _split(uri, param=param)
    wanted = _Wanted(uri, path, params or {}, timeout)
    return uri, _SCHEMES[scheme](wanted) if scheme in _SCHEMES else _by_litellm(scheme, wanted)


def check_model(model: object, *, param: str) -> None:
    """See that a name is one of a model, where nobody is going to call it: no key is asked for.

    Raises:
        ModelNameError: the name is not known.
    """
    uri = model.strip() if isinstance(model, str) else ""
    if not uri or re.match(r"https?://", uri) or uri == "databricks":
        return
    scheme, path = _split(uri, param=param)
    if scheme == "demo":
        _demo(_Wanted(uri, path))
    elif scheme not in _SCHEMES:
        _provider(scheme, uri, path)


def _given(model: object, *, param: str, params: Mapping[str, Any] | None) -> tuple[str, Chat]:
    if not callable(model) or inspect.isclass(model):
        shown = f"the class {model.__name__}" if inspect.isclass(model) else repr(model)[:80]
        raise ModelNameError(f"{param} is {shown}: give a name, {_EXAMPLES}, or an object that fits Chat")
    if params:
        raise ModelNameError(f"{param} is an object: its parameters {', '.join(params)} are for itself to set")
    name = getattr(model, "name", None) or getattr(model, "__name__", None) or type(model).__name__
    return str(name), cast(Chat, model)


def _split(uri: str, *, param: str) -> tuple[str, str]:
    """Scheme and path of `scheme:/path`."""
    if parts := re.fullmatch(r"([\w.-]+):/+(.+)", uri):
        return parts[1], parts[2]
    scheme, _, path = uri.partition(":/" if ":/" in uri else ":")
    if not path:
        family = next((family for start, family in _FAMILIES.items() if uri.startswith(start)), "openai")
        scheme, path = uri.split("/", 1) if "/" in uri else (family, uri)
    meant = f"{scheme}:/{path}" if scheme and path else "openai:/gpt-5-mini"
    raise ModelNameError(f"{param}={uri!r} is no model URI: did you mean {meant}?")


# --- by scheme -----------------------------------------------------------------------


def _openai(wanted: _Wanted) -> Chat:
    base_url = openai_base_url()
    key = _environment(
        "OPENAI_API_KEY",
        wanted,
        hint="" if base_url == _OPENAI else f" (any text, where {shown_url(base_url)} takes no key)",
    )
    return wanted.at(base_url, api_key=key, key_name="OPENAI_API_KEY", price=price_of(wanted.path))


def _databricks(wanted: _Wanted) -> Chat:
    """A serving endpoint of a Databricks workspace."""
    base_url, token = databricks_endpoints(wanted.uri)
    return wanted.at(base_url, api_key=token, key_name="DATABRICKS_TOKEN")


def _gateway(wanted: _Wanted) -> Chat:
    """An endpoint of the AI Gateway in an MLflow tracking server."""
    server = os.environ.get("MLFLOW_GATEWAY_URI") or _tracking_uri()
    if not server.startswith(("http://", "https://")):
        raise ModelNameError(
            f"{wanted.uri} needs an MLflow server: set MLFLOW_GATEWAY_URI to its http(s) address (now: {server!r})"
        )
    headers, key_name = _tracking_headers()
    return wanted.at(f"{server.rstrip('/')}/gateway/mlflow/v1", headers=headers, key_name=key_name)


def _demo(wanted: _Wanted) -> Chat:
    if wanted.path != "rules":
        raise ModelNameError(f"{wanted.uri}: the demo has one model, demo:/rules")
    if wanted.params:
        raise UsageError(f"{wanted.uri} is no language model and has no {', '.join(wanted.params)}: leave them out")
    from convsim_nb.demo.rules import RulesChat

    return RulesChat()


def _by_litellm(scheme: str, wanted: _Wanted) -> Chat:
    from convsim_nb.adapters.litellm_chat import LitellmChat, missing_keys

    name = f"{_provider(scheme, wanted.uri, wanted.path)}/{wanted.path}"
    if "api_key" not in wanted.params and (missing := missing_keys(name)):
        raise ModelNameError(f"{wanted.uri} needs a key: set {' or '.join(missing)} in the environment")
    return LitellmChat(name, name=wanted.uri, params=wanted.params, timeout=wanted.timeout)


def _provider(scheme: str, uri: str, path: str) -> str:
    from convsim_nb.adapters.litellm_chat import providers

    provider = _ALIASES.get(scheme, scheme)
    known = providers()
    if provider not in known:
        close = get_close_matches(scheme, known.union(_SCHEMES), n=2)
        meant = " or ".join(f"{name}:/{path}" for name in close) or f"a known provider, {_EXAMPLES}"
        raise ModelNameError(f"{uri}: no provider is named {scheme!r}: did you mean {meant}?")
    return provider


_SCHEMES: Mapping[str, Callable[[_Wanted], Chat]] = {
    "openai": _openai,
    "databricks": _databricks,
    "endpoints": _databricks,
    "gateway": _gateway,
    "demo": _demo,
}


# --- addresses and keys --------------------------------------------------------------


def _at_url(wanted: _Wanted) -> tuple[str, Chat]:
    base_url, _, model = wanted.uri.partition("#")
    shown = f"{shown_url(base_url)}#{model}"
    if not model:
        raise ModelNameError(f"{shown_url(base_url)} names no model: add it after a #, as in {shown}my-model")
    return shown, wanted.at(base_url, model=model, name=shown, api_key=key_for(base_url), key_name=key_name_for())


def key_name_for() -> str:
    """What an error says about the key of an endpoint that was named by its address."""
    return "OPENAI_API_KEY, with OPENAI_BASE_URL naming this address; or give OpenAIChat(..., api_key=...)"


def key_for(base_url: str) -> str | None:
    """The key in OPENAI_API_KEY, for the server that it belongs to and no other."""
    same = urlsplit(base_url).netloc == urlsplit(openai_base_url()).netloc
    return os.environ.get("OPENAI_API_KEY") if same else None


def openai_base_url() -> str:
    """Where `openai:/` models are called."""
    return os.environ.get("OPENAI_API_BASE") or os.environ.get("OPENAI_BASE_URL") or _OPENAI


def databricks_endpoints(uri: str) -> tuple[str, str]:
    """Base URL and token of the workspace's serving endpoints.

    Raises:
        ModelNameError: the workspace or its token is not in the environment.
    """
    host, token = os.environ.get("DATABRICKS_HOST"), os.environ.get("DATABRICKS_TOKEN")
    if not (host and token) and "DATABRICKS_RUNTIME_VERSION" in os.environ:
        host, token = _own_workspace() or (host, token)
    if not host or not token:
        missing = " and ".join(
            name for name, value in (("DATABRICKS_HOST", host), ("DATABRICKS_TOKEN", token)) if not value
        )
        raise ModelNameError(f"{uri} needs a Databricks workspace: set {missing} in the environment")
    host = host if "://" in host else f"https://{host}"
    return f"{host.rstrip('/')}/serving-endpoints", token


def _own_workspace() -> tuple[str, str] | None:
    """In a notebook of Databricks: its workspace, and the token that the notebook has. Elsewhere it would be asked for
    over the network.
    """
    from databricks.sdk.core import Config

    try:
        config = Config()
        token = config.authenticate().get("Authorization", "").removeprefix("Bearer ")
    except (ValueError, OSError):
        return None
    return (str(config.host), token) if config.host and token else None


def _environment(variable: str, wanted: _Wanted, *, hint: str = "") -> str:
    value = os.environ.get(variable)
    if not value:
        raise ModelNameError(f"{wanted.uri} needs a key: set {variable} in the environment{hint}")
    return value


def _tracking_uri() -> str:
    """MLflow's, without importing it where nobody has: a setting in code needs the import."""
    mlflow = sys.modules.get("mlflow")
    return str(mlflow.get_tracking_uri() if mlflow else os.environ.get("MLFLOW_TRACKING_URI", ""))


def _tracking_headers() -> tuple[dict[str, str], str]:
    """How MLflow's own client would name itself to the server, and which variables that is read from."""
    token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
    if token:
        return {"Authorization": f"Bearer {token}"}, "MLFLOW_TRACKING_TOKEN"
    if user:
        pair = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}, "MLFLOW_TRACKING_PASSWORD"
    return {}, "MLFLOW_TRACKING_TOKEN"
