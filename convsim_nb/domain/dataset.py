"""The dataset that test cases were read from, so that a run can say which it played."""

from convsim_nb.domain.record import Record

DATASET = "convsim.dataset"
"""The tag of a run that says which dataset its cases are of."""


class DatasetRef(Record):
    """A dataset of MLflow's, in the words in which MLflow keeps it as the input of a run."""

    name: str
    digest: str = ""
    source_type: str = ""
    source: str = ""
    """JSON, with the dataset's id in it."""
    profile: str = ""
    """JSON, with the number of its records."""
