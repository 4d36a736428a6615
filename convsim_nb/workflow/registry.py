"""Our prompts in MLflow's Prompt Registry, where they can be read, changed and compared."""


def register_prompts(*, prefix: str = "convsim", alias: str | None = None) -> dict[str, str]:
    """Register our prompts in MLflow's Prompt Registry, each as `prefix-name`; gives their URIs by name.

    A prompt whose newest version reads the same is not registered again. With an `alias`, that version gets it.
    To use one that was changed there, give `prompts={"user": "prompts:/convsim-user@production"}` to `simulate`
    or `distill`: the run records the version and is linked to it.

    Raises:
        StoreError: the registry cannot be reached, or refuses.
    """
    from convsim_nb.adapters.mlflow.prompts import register

    return register(prefix=prefix, alias=alias)
