"""Charts of a data frame: reading what to draw from one line of words, and drawing it.

One column: a histogram of numbers, or a bar per value of anything else (and of whole numbers with
few values). Two columns: ``a vs b`` of numbers is a scatter plot; ``a by b`` is a box plot of the
numbers ``a`` for each value of ``b``, or grouped bars when ``a`` has no numbers. A scatter plot may
be coloured, ``a vs b by c``.

Drawing uses Matplotlib's figure objects only, never ``pyplot``: its state is global and the nodes
run in threads.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from ...errors import NodeError
from ...expressions import shortened
from .markdown import plain
from .tables import columns_named, listed, missing_dependency, need_pandas

if TYPE_CHECKING:
    import pandas

COLORS: Final = ("#0e7490", "#ea580c", "#6d28d9", "#15803d", "#be123c", "#a16207", "#475569", "#0369a1")

MOST_GROUPS: Final = 20
"""Values of a category that are drawn; the most frequent ones are."""

_FEW_NUMBERS: Final = 12
_SCALE: Final = 2
_CSS_DPI: Final = 96
_INK: Final = "#334155"
_GRID: Final = "#e2e8f0"
_LARGE_PNG: Final = 60_000
_DRAWING: Final = threading.Lock()
_LONGEST_INSTRUCTION: Final = 1000
_LONGEST_NAME: Final = 80

Kind = Literal["histogram", "bar", "grouped bar", "box", "scatter"]
_TITLES: Final[dict[Kind, str]] = {
    "histogram": "Histogram",
    "bar": "Bar chart",
    "grouped bar": "Bar chart",
    "box": "Box plot",
    "scatter": "Scatter plot",
}


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw: one to three columns by position, and how.

    :param x: the column on the horizontal axis.
    :param y: the column on the vertical axis; None where that counts rows.
    :param group: the column whose values get a colour each.
    """

    kind: Kind
    x: int
    y: int | None = None
    group: int | None = None

    @property
    def positions(self) -> list[int]:
        """The columns that are drawn, each once."""
        return list(dict.fromkeys(at for at in (self.x, self.y, self.group) if at is not None))


def read_instruction(frame: pandas.DataFrame, instruction: str) -> Chart:
    """Return the chart that *instruction* asks for.

    :raises NodeError: ``PLOT_INSTRUCTION_INVALID`` when it cannot be read or drawn, ``COLUMN_UNKNOWN``
        when it names a column that is not there.
    """
    if len(instruction) > _LONGEST_INSTRUCTION:
        raise _invalid(f"Say in at most {_LONGEST_INSTRUCTION} characters which columns to plot.")
    words = _spaced(instruction).rstrip(".!?").strip("`\"' ")
    if not words:
        raise _invalid(f"Say which columns to plot. The columns are {listed(frame.columns)}.")
    sides = _split(frame, words)
    positions = columns_named(frame, [name for _, name in sides])
    for position in positions:
        if frame.iloc[:, position].isna().all():
            raise _invalid(f"The column `{shortened(frame.columns[position], 60)}` holds no values.")
    joints = tuple(joint for joint, _ in sides[1:])
    if joints == ():
        (only,) = positions
        return Chart("histogram" if _is_measure(frame, only) else "bar", only)
    if joints == ("vs", "by"):
        y, x, group = positions
        if not (_is_number(frame, x) and _is_number(frame, y)):
            raise _invalid("A coloured scatter plot needs two columns of numbers before `by`.")
        return Chart("scatter", x, y, group)
    if len(positions) == 2:
        return _two(frame, positions[0], positions[1], joints[0])
    raise _invalid("Name one column, two as `a by b` or `a vs b`, or three as `a vs b by c`.")


def draw(frame: pandas.DataFrame, chart: Chart, *, title: str, width: int, height: int) -> bytes:
    """Return *chart* as a PNG, drawn at twice its size so that it is crisp on every screen.

    :param width: in CSS pixels, as *height*.
    :raises NodeError: ``DEPENDENCY_MISSING`` when Matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_dependency("matplotlib") from error
    with _DRAWING:
        figure = Figure(
            figsize=(width / _CSS_DPI, height / _CSS_DPI), dpi=_CSS_DPI * _SCALE, facecolor="white"
        )
        FigureCanvasAgg(figure)
        figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
        axes = figure.add_subplot()
        _style(axes)
        _DRAWERS[chart.kind](axes, frame, chart)
        if title:
            axes.set_title(_text(title), loc="left", color=_INK, fontsize=12, fontweight="bold", pad=10)
        return _png(figure)


def caption(frame: pandas.DataFrame, chart: Chart) -> tuple[str, str]:
    """Return what the chart is in words, and one sentence about the values behind it."""
    names = {at: shortened(frame.columns[at], _LONGEST_NAME) for at in chart.positions}
    complete = int((~frame.iloc[:, chart.positions].isna().any(axis=1)).sum())
    what = f"{_TITLES[chart.kind]} of "
    if chart.kind == "box":
        what += f"{names[_y(chart)]} by {names[chart.x]}"
    elif chart.kind == "scatter":
        what += f"{names[_y(chart)]} vs {names[chart.x]}"
    else:
        what += names[chart.x]
    if chart.group is not None:
        what += f" by {names[chart.group]}"
    left_out = len(frame) - complete
    said = f"{complete} of {len(frame)} rows" if left_out else f"All {complete} rows"
    reason = f"; {left_out} without a value {'is' if left_out == 1 else 'are'} left out" if left_out else ""
    many = [at for at in chart.positions if _is_cut(frame, chart, at)]
    cut = "".join(
        f"; the {MOST_GROUPS} most frequent values of {plain(names[at], _LONGEST_NAME)}" for at in many
    )
    return what, f"{said}{reason}{cut}."


def _invalid(message: str) -> NodeError:
    return NodeError(f"{message} For example: `bill_length_mm by species`.", code="PLOT_INSTRUCTION_INVALID")


# Of text in which every blank is one space: with any number of them this takes quadratic time.
_JOINT: Final = re.compile(r" (vs\.?|versus|against|by|per) ", re.IGNORECASE)


def _split(frame: pandas.DataFrame, words: str) -> list[tuple[str, str]]:
    """Return the columns that *words* name, each with the joint before it.

    A column's own name may hold a joint, so the longest stretch that is a column's name wins.
    """
    known = {_spaced(str(name)).casefold() for name in frame.columns}
    joints = list(_JOINT.finditer(words))
    ends = [*(joint.start() for joint in joints), len(words)]
    sides: list[tuple[str, str]] = []
    start, index, joint = 0, 0, ""
    while index < len(ends):
        stretches = [
            at for at in range(index, len(ends)) if _name(words[start : ends[at]]).casefold() in known
        ]
        index = stretches[-1] if stretches else index
        sides.append((joint, _name(words[start : ends[index]])))
        if index < len(joints):
            joint = "by" if joints[index][1].lower() in ("by", "per") else "vs"
            start = joints[index].end()
        index += 1
    return sides


def _spaced(words: str) -> str:
    return " ".join(words.split())


def _name(words: str) -> str:
    return words.strip("`\"' ")


def _two(frame: pandas.DataFrame, first: int, second: int, joint: str) -> Chart:
    numbers = _is_number(frame, first), _is_number(frame, second)
    if numbers == (True, True) and (joint == "vs" or _distinct(frame, second) > _FEW_NUMBERS):
        return Chart("scatter", second, first)
    if numbers[0]:
        return Chart("box", second, first)
    if joint == "vs" and numbers[1]:
        return Chart("box", first, second)
    return Chart("grouped bar", first, group=second)


def _is_number(frame: pandas.DataFrame, position: int) -> bool:
    kinds = need_pandas().api.types
    kind = frame.dtypes.iloc[position]
    return bool(kinds.is_numeric_dtype(kind) and not kinds.is_bool_dtype(kind))


def _is_measure(frame: pandas.DataFrame, position: int) -> bool:
    whole = need_pandas().api.types.is_integer_dtype(frame.dtypes.iloc[position])
    return _is_number(frame, position) and not (whole and _distinct(frame, position) <= _FEW_NUMBERS)


def _distinct(frame: pandas.DataFrame, position: int) -> int:
    return int(frame.iloc[:, position].dropna().astype(str).nunique())


def _y(chart: Chart) -> int:
    return chart.x if chart.y is None else chart.y


def _is_cut(frame: pandas.DataFrame, chart: Chart, position: int) -> bool:
    grouping = position == chart.group or (position == chart.x and chart.kind not in ("histogram", "scatter"))
    limit = len(COLORS) if position == chart.group else MOST_GROUPS
    return grouping and _distinct(frame, position) > limit


def _complete(frame: pandas.DataFrame, chart: Chart) -> pandas.DataFrame:
    return frame[~frame.iloc[:, chart.positions].isna().any(axis=1)]


def _numbers(frame: pandas.DataFrame, position: int) -> Any:
    values = frame.iloc[:, position].astype("float64")
    return values[values.abs() != float("inf")].to_numpy()


def _groups(frame: pandas.DataFrame, position: int, limit: int = MOST_GROUPS) -> list[str]:
    column = frame.iloc[:, position]
    counts = column.astype(str).value_counts()
    kept = set(counts.index[:limit])
    if _is_number(frame, position):
        return [text for text in column.sort_values().astype(str).unique() if text in kept]
    return sorted(kept, key=str.casefold)


def _draw_histogram(axes: Any, frame: pandas.DataFrame, chart: Chart) -> None:
    values = _numbers(_complete(frame, chart), chart.x)
    axes.hist(values, bins=max(8, min(30, round(len(values) ** 0.5))), color=COLORS[0], edgecolor="white")
    _label(axes, frame.columns[chart.x], "Rows")


def _draw_bar(axes: Any, frame: pandas.DataFrame, chart: Chart) -> None:
    counts = _complete(frame, chart).iloc[:, chart.x].astype(str).value_counts()
    names = _groups(_complete(frame, chart), chart.x)
    bars = axes.bar(range(len(names)), [int(counts[name]) for name in names], color=COLORS[0], width=0.7)
    axes.bar_label(bars, color=_INK, fontsize=9, padding=2)
    _name_ticks(axes, names)
    _label(axes, frame.columns[chart.x], "Rows")


def _draw_grouped_bar(axes: Any, frame: pandas.DataFrame, chart: Chart) -> None:
    group = _y(chart) if chart.group is None else chart.group
    complete = _complete(frame, chart)
    names, groups = _groups(complete, chart.x), _groups(complete, group, len(COLORS))
    texts = complete.iloc[:, chart.x].astype(str), complete.iloc[:, group].astype(str)
    width = 0.8 / len(groups)
    for index, value in enumerate(groups):
        counts = texts[0][texts[1] == value].value_counts()
        places = [place - 0.4 + width * (index + 0.5) for place in range(len(names))]
        heights = [int(counts.get(name, 0)) for name in names]
        axes.bar(places, heights, width * 0.92, color=COLORS[index], label=_text(value))
    _name_ticks(axes, names)
    _label(axes, frame.columns[chart.x], "Rows")
    _legend(axes, frame.columns[group])


def _draw_box(axes: Any, frame: pandas.DataFrame, chart: Chart) -> None:
    complete = _complete(frame, chart)
    names = _groups(complete, chart.x)
    texts = complete.iloc[:, chart.x].astype(str)
    values = [_numbers(complete[texts == name], _y(chart)) for name in names]
    boxes = axes.boxplot(
        values,
        positions=range(len(names)),
        widths=0.55,
        patch_artist=True,
        medianprops={"color": _INK, "linewidth": 1.6},
        whiskerprops={"color": _INK},
        capprops={"color": _INK},
        flierprops={"marker": "o", "markersize": 4, "markerfacecolor": "none", "markeredgecolor": _INK},
    )
    for index, box in enumerate(boxes["boxes"]):
        box.set(facecolor=COLORS[index % len(COLORS)], alpha=0.75, edgecolor=_INK)
    _name_ticks(axes, names)
    _label(axes, frame.columns[chart.x], frame.columns[_y(chart)])


def _draw_scatter(axes: Any, frame: pandas.DataFrame, chart: Chart) -> None:
    complete = _complete(frame, chart)
    dots = {"s": 22, "alpha": 0.75, "linewidths": 0}
    if chart.group is None:
        x, y = (complete.iloc[:, at].astype("float64") for at in (chart.x, _y(chart)))
        axes.scatter(x, y, color=COLORS[0], **dots)
    else:
        texts = complete.iloc[:, chart.group].astype(str)
        for index, value in enumerate(_groups(complete, chart.group, len(COLORS))):
            part = complete[texts == value]
            x, y = (part.iloc[:, at].astype("float64") for at in (chart.x, _y(chart)))
            axes.scatter(x, y, color=COLORS[index], label=_text(value), **dots)
        _legend(axes, frame.columns[chart.group])
    _label(axes, frame.columns[chart.x], frame.columns[_y(chart)])


_DRAWERS: Final = {
    "histogram": _draw_histogram,
    "bar": _draw_bar,
    "grouped bar": _draw_grouped_bar,
    "box": _draw_box,
    "scatter": _draw_scatter,
}


def _style(axes: Any) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.tick_params(colors=_INK, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#94a3b8")


def _label(axes: Any, x: Any, y: Any) -> None:
    axes.set_xlabel(_text(x), color=_INK, fontsize=10)
    axes.set_ylabel(_text(y), color=_INK, fontsize=10)


def _name_ticks(axes: Any, names: Sequence[str]) -> None:
    slanted = sum(min(len(name), 20) + 2 for name in names) > 80
    axes.set_xticks(
        range(len(names)),
        [_text(name) for name in names],
        rotation=35 if slanted else 0,
        ha="right" if slanted else "center",
    )


def _legend(axes: Any, title: Any) -> None:
    axes.legend(title=_text(title), frameon=False, fontsize=9, labelcolor=_INK, loc="best")


def _text(value: Any) -> str:
    # A dollar sign begins a formula.
    return shortened(value, 60).replace("$", r"\$")


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", pil_kwargs={"optimize": True})
    content = buffer.getvalue()
    if len(content) <= _LARGE_PNG:
        return content
    from PIL import Image

    reduced = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(reduced, format="PNG", optimize=True)
    return min(content, reduced.getvalue(), key=len)
