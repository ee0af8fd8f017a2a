"""Nodes that read data frames from files and write them to files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from ...errors import NodeError
from ...expressions import quoted, shortened
from ..api import node
from ..context import NodeContext
from ..signature import Config
from ..whole_files import write_whole
from .frame_libraries import LibraryName, frame_library
from .frame_rows import Frame, columns_of, frame_of
from .tables import Table, TableInput

FileFormat: TypeAlias = Literal["auto", "csv", "tsv", "json", "parquet"]
"""The file formats; ``auto`` goes by the file name's ending."""

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
"""Bytes of the largest file that is read."""

_ENDINGS: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}


class FrameRead(msgspec.Struct):
    """A data frame and its size."""

    dataframe: Table
    rows_count: int
    columns_count: int
    columns: list[str]


class FrameWritten(msgspec.Struct):
    """Where a data frame was written, and how much."""

    path: str
    rows_written: int
    bytes_written: int


@node(
    name="Read data frame",
    category="data",
    icon="mdi:table-arrow-down",
    color="#0e7490",
    tags=("dataframe", "file", "pandas", "polars"),
)
def dataframe_read(
    context: NodeContext,
    path: str,
    format: Annotated[FileFormat, Config()] = "auto",  # noqa: A002 - the form's own word
    library: Annotated[LibraryName, Config()] = "auto",
) -> FrameRead:
    """Reads a data frame from a CSV, TSV, JSON or Parquet file.

    :param path: the file, relative to the notebook's folder.
    :param format: how the file is written; ``auto`` goes by the ending of its name.
    :param library: the library that reads it; ``auto`` is pandas where it is installed.
    """
    file, shown = context.files.resolve(path, must_exist=True), quoted(path)
    kind = _format(file, format, otherwise=None)
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise NodeError(
                f"{shown} is larger than {MAX_FILE_BYTES // 1024**2} MiB.", code="DATA_FILE_TOO_LARGE"
            )
        frame = _parsed(file.read_bytes(), kind, library)
    except OSError as error:
        raise NodeError(f"{shown} cannot be read: {error.strerror}", code="DATA_FILE_UNREADABLE") from error
    except (ValueError, TypeError, OverflowError, MemoryError, RecursionError) as error:
        reason = shortened(str(error).partition("\n")[0]) or type(error).__name__
        raise NodeError(
            f"{shown} is not a readable {kind} file: {reason}", code="DATA_FILE_UNREADABLE"
        ) from error
    return FrameRead(
        dataframe=frame.wire(),
        rows_count=len(frame.rows),
        columns_count=len(frame.columns),
        columns=frame.columns,
    )


@node(
    name="Write data frame",
    category="data",
    icon="mdi:table-arrow-up",
    color="#0e7490",
    side_effects=True,
    tags=("dataframe", "file", "pandas", "polars"),
)
def dataframe_write(
    context: NodeContext,
    dataframe: TableInput,
    path: str,
    format: Annotated[FileFormat, Config()] = "auto",  # noqa: A002 - the form's own word
    overwrite: Annotated[bool, Config()] = False,
    library: Annotated[LibraryName, Config()] = "auto",
) -> FrameWritten:
    """Writes a data frame to a file: the whole file or nothing.

    :param dataframe: what to write.
    :param path: the file, relative to the notebook's folder; its folder has to exist.
    :param format: how to write it; ``auto`` goes by the ending of its name and is CSV otherwise.
    :param overwrite: whether a file of that name is replaced; otherwise it is an error.
    :param library: the library that writes it; ``auto`` is pandas where it is installed.
    """
    frame = Frame.read(dataframe)
    file, shown = context.files.resolve(path), quoted(path)
    kind = _format(file, format, otherwise="csv")
    try:
        content = _serialized(frame, kind, library)
    except (TypeError, ValueError, OverflowError) as error:
        reason = shortened(str(error).partition("\n")[0])
        raise NodeError(
            f"The data frame cannot be written as {kind}: {reason}", code="FILE_NOT_WRITTEN"
        ) from error
    if not file.parent.is_dir():
        raise NodeError(f"There is no folder for {shown}.", code="FILE_FOLDER_MISSING")
    if file.is_dir():
        raise NodeError(f"{shown} is a folder.", code="FILE_PATH_INVALID")
    try:
        write_whole(file, content, overwrite=overwrite)
    except FileExistsError as error:
        raise NodeError(f"{shown} exists already and is left as it is.", code="FILE_EXISTS") from error
    except OSError as error:
        raise NodeError(f"{shown} cannot be written: {error.strerror}", code="FILE_NOT_WRITTEN") from error
    return FrameWritten(
        path=context.files.display(file), rows_written=len(frame.rows), bytes_written=len(content)
    )


def _format(file: Path, wanted: FileFormat, *, otherwise: str | None) -> str:
    if wanted != "auto":
        return wanted
    kind = _ENDINGS.get(file.suffix.lower(), otherwise)
    if kind is None:
        raise NodeError(
            f"{quoted(file.name)} does not end in one of {', '.join(_ENDINGS)}; choose its format.",
            code="DATA_FORMAT_UNKNOWN",
        )
    return kind


def _parsed(content: bytes, kind: str, library: LibraryName) -> Frame:
    return _from_json(content) if kind == "json" else frame_library(library).parsed(content, kind)


def _from_json(content: bytes) -> Frame:
    value = msgspec.json.decode(content)
    if isinstance(value, dict) and {"columns", "rows"} <= value.keys():
        return Frame.read(value)
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return frame_of(columns_of(value))
    if isinstance(value, dict) and all(isinstance(cells, list) for cells in value.values()):
        if len({len(cells) for cells in value.values()}) > 1:
            raise ValueError("its lists are not of one length")
        return frame_of(value)
    raise ValueError("it holds neither a list of objects nor an object of lists")


def _serialized(frame: Frame, kind: str, library: LibraryName) -> bytes:
    if kind != "json":
        return frame_library(library).serialized(frame, kind)
    if len(set(frame.columns)) < len(frame.columns):
        raise ValueError("two columns have the same name")
    rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.rows]
    return msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n"


NODES = (dataframe_read, dataframe_write)
