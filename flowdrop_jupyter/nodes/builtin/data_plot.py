"""The node that draws a chart of a data frame from one line of words."""

from __future__ import annotations

import base64
from typing import Annotated

import msgspec

from ..api import node
from ..signature import Config, Lane
from .charts import caption, draw, read_instruction
from .markdown import plain
from .tables import TableInput, from_wire


class Plotted(msgspec.Struct):
    """A chart as an image (a data URI), and as Markdown with a sentence about it."""

    image: Annotated[str, Lane("image")]
    markdown: str


@node(
    name="Plot data frame",
    category="data",
    icon="mdi:chart-box-outline",
    color="#0e7490",
    tags=("pandas", "matplotlib", "chart"),
)
def dataframe_plot(
    dataframe: TableInput,
    instruction: str,
    title: Annotated[str, Config()] = "",
    width: Annotated[int, Config(), msgspec.Meta(ge=200, le=1600)] = 640,
    height: Annotated[int, Config(), msgspec.Meta(ge=150, le=1200)] = 400,
) -> Plotted:
    """Draws one or two columns of a data frame as the chart that suits them.

    A single column gives a histogram or bars, ``a by b`` a box plot or grouped bars, ``a vs b`` a
    scatter plot, which ``a vs b by c`` colours.

    :param dataframe: the data frame.
    :param instruction: the columns to draw, such as ``bill_length_mm by species``.
    :param title: put above the chart; by default it says what is drawn.
    :param width: of the image, in pixels; it is drawn with twice as many.
    :param height: of the image, in pixels.
    """
    frame = from_wire(dataframe)
    chart = read_instruction(frame, instruction)
    what, sentence = caption(frame, chart)
    content = draw(frame, chart, title=title or what, width=width, height=height)
    image = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return Plotted(image=image, markdown=f"![{plain(what, 200)}]({image})\n\n{sentence}")


NODES = (dataframe_plot,)
