"""How numbers look in every report: one place, so that HTML and Markdown never round differently.

Scores and differences are percentage points of the metric. A value that is not there is an en dash, never a zero.
"""

NOTHING = "–"
MINUS = "−"


def points(value: float | None, digits: int = 2) -> str:
    """A score: "45.20"; an en dash for None."""
    return NOTHING if value is None else _minus(_rounded(value, digits), digits)


def signed(value: float | None, digits: int = 2) -> str:
    """A difference: "+1.20", "−0.35", "0.00" (no sign on what rounds to zero)."""
    if value is None:
        return NOTHING
    rounded = _rounded(value, digits)
    return ("+" if rounded > 0 else "") + _minus(rounded, digits)


def between(interval: tuple[float, float] | None, digits: int = 2) -> str:
    """An interval of scores: "44.10 to 46.32"; nothing for None."""
    return " to ".join(points(edge, digits) for edge in interval or ())


def signed_between(interval: tuple[float, float] | None, digits: int = 2) -> str:
    """An interval of differences: "−0.35 to +1.20"; nothing for None."""
    return " to ".join(signed(edge, digits) for edge in interval or ())


def duration(seconds: float | None) -> str:
    """A wall time: "8.1 s", "12 min 03 s", "3 h 20 min"."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: int, noun: str) -> str:
    """ "1 target", "3 targets", "7,000 examples"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) + 0.0  # + 0.0 turns -0.0 into 0.0


def _minus(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", MINUS)
