"""How far a split lies from the true one: Pk and WindowDiff, over gaps between units.

A segmentation is a string with a `1` at each gap where a segment ends. Both measures are 0 for the same
segmentation, and slide a window of `k` gaps: Pk counts windows in which only one of the two has a boundary
(Beeferman et al. 1999), WindowDiff those in which the numbers of boundaries differ (Pevzner and Hearst 2002).
"""


def window_of(reference: str) -> int:
    """Half the mean length of a segment, as both papers take it; at least 2."""
    return max(2, round(len(reference) / (reference.count("1") + 1) / 2))


def pk(reference: str, found: str, *, k: int | None = None) -> float:
    """The share of windows in which exactly one of the two says that its ends lie in different segments."""
    wrong = [("1" in one) != ("1" in other) for one, other in _windows(reference, found, k)]
    return sum(wrong) / len(wrong) if wrong else 0.0


def window_diff(reference: str, found: str, *, k: int | None = None) -> float:
    """The share of windows in which the two count different numbers of boundaries."""
    wrong = [one.count("1") != other.count("1") for one, other in _windows(reference, found, k)]
    return sum(wrong) / len(wrong) if wrong else 0.0


def _windows(reference: str, found: str, k: int | None) -> list[tuple[str, str]]:
    if len(reference) != len(found):
        raise ValueError(f"segmentations of {len(reference)} and {len(found)} gaps cannot be compared")
    size = min(k or window_of(reference), len(reference))
    return [(reference[at : at + size], found[at : at + size]) for at in range(len(reference) - size + 1)]
