"""From commits to what they made of a session: in order, without a gap, each at most once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import StoreDamaged
from ..rows import Batch
from .lines import Line


def living(lines: Sequence[Line]) -> Sequence[Line]:
    """Return the lines behind the last removal of the session."""
    for place in range(len(lines) - 1, -1, -1):
        if lines[place].rows is None:
            return lines[place + 1 :]
    return lines


def replay(tables: Batch, number: int, lines: Iterable[Line], *, last: int | None = None) -> int:
    """Bring *tables*, which hold the session after commit *number*, up to date.

    :param last: the commit to stop behind; None for all.
    :return: the number of the last commit that *tables* hold now.
    :raises StoreDamaged: when a commit is missing.
    """
    for line in lines:
        if last is not None and line.number > last:
            break
        if line.number <= number or line.rows is None:
            continue
        if line.new:
            tables.clear()
        elif line.number != number + 1:
            raise StoreDamaged(f"commit {number + 1} is missing")
        for name, rows in line.rows.items():
            tables.setdefault(name, {}).update(rows)
        number = line.number
    return number
