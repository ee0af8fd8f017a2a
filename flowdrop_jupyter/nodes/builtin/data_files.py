"""Nodes that read data frames from files and write them to files."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import msgspec

from ...errors import NodeError
from ...expressions import quoted, shortened
from ..api import node
from ..context import NodeContext
from ..signature import Config
from .tables import Table, TableInput, from_wire, missing_dependency, need_pandas, to_wire

if TYPE_CHECKING:
    import pandas

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
    tags=("pandas", "file"),
)
def dataframe_read(
    context: NodeContext,
    path: str,
    format: Annotated[FileFormat, Config()] = "auto",  # noqa: A002 - the form's own word
) -> FrameRead:
    """Reads a data frame from a CSV, TSV, JSON or Parquet file.

    :param path: the file, relative to the notebook's folder.
    :param format: how the file is written; ``auto`` goes by the ending of its name.
    """
    pd = need_pandas()
    file, shown = context.files.resolve(path, must_exist=True), quoted(path)
    kind = _format(file, format, otherwise=None)
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise NodeError(
                f"{shown} is larger than {MAX_FILE_BYTES // 1024**2} MiB.", code="DATA_FILE_TOO_LARGE"
            )
        frame = _parse(pd, file.read_bytes(), kind)
    except OSError as error:
        raise NodeError(f"{shown} cannot be read: {error.strerror}", code="DATA_FILE_UNREADABLE") from error
    except (ValueError, TypeError, OverflowError, MemoryError, RecursionError) as error:
        reason = shortened(str(error).partition("\n")[0]) or type(error).__name__
        raise NodeError(
            f"{shown} is not a readable {kind} file: {reason}", code="DATA_FILE_UNREADABLE"
        ) from error
    return FrameRead(
        dataframe=to_wire(frame),
        rows_count=len(frame),
        columns_count=frame.shape[1],
        columns=[str(name) for name in frame.columns],
    )


@node(
    name="Write data frame",
    category="data",
    icon="mdi:table-arrow-up",
    color="#0e7490",
    side_effects=True,
    tags=("pandas", "file"),
)
def dataframe_write(
    context: NodeContext,
    dataframe: TableInput,
    path: str,
    format: Annotated[FileFormat, Config()] = "auto",  # noqa: A002 - the form's own word
    overwrite: Annotated[bool, Config()] = False,
) -> FrameWritten:
    """Writes a data frame to a file: the whole file or nothing.

    :param dataframe: what to write.
    :param path: the file, relative to the notebook's folder; its folder has to exist.
    :param format: how to write it; ``auto`` goes by the ending of its name and is CSV otherwise.
    :param overwrite: whether a file of that name is replaced; otherwise it is an error.
    """
    frame = from_wire(dataframe)
    file, shown = context.files.resolve(path), quoted(path)
    kind = _format(file, format, otherwise="csv")
    try:
        content = _serialized(frame, kind)
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
    return FrameWritten(path=context.files.display(file), rows_written=len(frame), bytes_written=len(content))


def write_whole(file: Path, content: bytes, *, overwrite: bool) -> None:
    """Write *content* to *file* so that at no moment a part of it can be seen there.

    :raises FileExistsError: when *file* exists and *overwrite* is false; it is not touched.
    :raises OSError: when it cannot be written; nothing is left behind.
    """
    temporary = file.with_name(f".flowdrop-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if overwrite:
            temporary.replace(file)
        else:
            _claim(temporary, file)
        _sync_folder(file.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _claim(temporary: Path, file: Path) -> None:
    try:
        # A link refuses to replace, in one step; not every file system has links.
        file.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        if file.exists():
            raise FileExistsError(str(file)) from None
        temporary.replace(file)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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


def _parse(pd: ModuleType, content: bytes, kind: str) -> pandas.DataFrame:
    if kind == "parquet":
        _need_parquet()
        return _flat(pd.read_parquet(io.BytesIO(content)))
    if kind == "json":
        return _from_json(pd, content)
    frame = pd.read_csv(
        io.StringIO(content.decode("utf-8-sig")),
        sep="\t" if kind == "tsv" else ",",
        # Whole numbers stay whole where values are missing.
        dtype_backend="numpy_nullable",
        low_memory=False,
    )
    return _flat(frame)


def _from_json(pd: ModuleType, content: bytes) -> pandas.DataFrame:
    value = msgspec.json.decode(content)
    if isinstance(value, dict) and {"columns", "rows"} <= value.keys():
        return from_wire(value)
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return _flat(pd.DataFrame.from_records(value))
    if isinstance(value, dict) and all(isinstance(cells, list) for cells in value.values()):
        return _flat(pd.DataFrame(value))
    raise ValueError("it holds neither a list of objects nor an object of lists")


def _flat(frame: pandas.DataFrame) -> pandas.DataFrame:
    # A file may have more values per line than names; pandas makes the surplus the index.
    pd = need_pandas()
    return frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()


def _serialized(frame: pandas.DataFrame, kind: str) -> bytes:
    if kind == "parquet":
        _need_parquet()
        return bytes(frame.to_parquet(index=False))
    if kind == "json":
        names = [str(name) for name in frame.columns]
        if len(set(names)) < len(names):
            raise ValueError("two columns have the same name")
        rows = [dict(zip(names, row, strict=True)) for row in to_wire(frame)["rows"]]
        return msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n"
    text: str = frame.to_csv(index=False, sep="\t" if kind == "tsv" else ",", lineterminator="\n")
    return text.encode()


def _need_parquet() -> None:
    if find_spec("pyarrow") is None:
        raise missing_dependency("pyarrow", "pip install pyarrow")


NODES = (dataframe_read, dataframe_write)
