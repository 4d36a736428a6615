"""Our prompts in MLflow's Prompt Registry, and prompts out of it."""

from typing import Any

from convsim_nb.domain.errors import NotFoundError, StoreError, UsageError
from convsim_nb.engine.prompts import NAMES, Prompt, prompt

VERSION_TAG = "convsim.prompt_version"


def load(name: str, uri: str) -> Prompt:
    """The prompt at `prompts:/name@alias` or `prompts:/name/3`; its version is the URI with the number.

    Raises:
        NotFoundError: there is none.
        UsageError: it is a chat prompt, or has variables: ours is one text, sent as it stands.
        StoreError: the registry cannot be reached.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        found = MlflowClient().load_prompt(uri, allow_missing=True)
    except (MlflowException, OSError) as error:
        raise _mapped(uri, error) from None
    if found is None:
        raise NotFoundError(f"no prompt {uri} in MLflow's registry: register ours with register_prompts()")
    if not isinstance(found.template, str) or found.variables:
        raise UsageError(f"{uri} is a chat prompt or has variables: give one text, without {{{{variables}}}}")
    return Prompt(name=name, version=f"prompts:/{found.name}/{found.version}", text=found.template.strip())


def register(*, prefix: str, alias: str | None) -> dict[str, str]:
    """Register each of our prompts as `prefix-name`, and give their URIs; one that is there already stays.

    Raises:
        StoreError: the registry cannot be reached, or refuses.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient()
    try:
        return {name: _registered(client, f"{prefix}-{name}", prompt(name), alias) for name in NAMES}
    except (MlflowException, OSError) as error:
        raise _mapped(f"prompts:/{prefix}-...", error) from None


def _registered(client: Any, name: str, ours: Prompt, alias: str | None) -> str:
    newest = client.load_prompt(name, allow_missing=True)
    if newest is None or newest.template != ours.text:
        message = f"convsim-nb, version {ours.version} of the prompt {ours.name!r}"
        newest = client.register_prompt(name, ours.text, commit_message=message, tags={VERSION_TAG: ours.version})
    if alias:
        client.set_prompt_alias(name, alias, int(newest.version))
    return f"prompts:/{name}/{newest.version}"


def _mapped(uri: str, error: Exception) -> StoreError | NotFoundError:
    reason = " ".join(str(error).split())[:200]
    if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
        return NotFoundError(f"no prompt {uri} in MLflow's registry: {reason}")
    return StoreError(f"{uri} cannot be had from MLflow's registry: {reason}")
