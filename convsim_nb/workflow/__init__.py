"""The verbs: where the parts are put together."""
