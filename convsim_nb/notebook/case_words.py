"""A test case as a person reads it in a notebook."""

from convsim_nb.adapters.case_files import as_yaml
from convsim_nb.domain.case import TestCase


def case_yaml(case: TestCase) -> str:
    """As YAML, without its messages as they went over the wire: those stand in files, and nobody reads them."""
    history = tuple(message.model_copy(update={"wire": ()}) for message in case.history)
    return as_yaml([case.model_copy(update={"history": history})])
