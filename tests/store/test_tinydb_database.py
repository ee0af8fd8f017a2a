"""TinyDB over atomic storage: batches, TinyDB's own operations, and what plain TinyDB would do."""

from pathlib import Path

import pytest
from store_faults import FaultyFiles
from tinydb import TinyDB, where

from flowdrop_jupyter.errors import StoreDamaged
from flowdrop_jupyter.store.tinydb.database import AtomicStorage, RowDatabase


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles()


def test_tinydbs_own_reading_inserting_and_removing_work_on_rows(tmp_path: Path, files: FaultyFiles) -> None:
    database = RowDatabase(tmp_path / "a.json", files)
    database.put({"things": {1: b'{"name":"one"}', 2: b'{"name":"two"}'}})
    things = database.table("things")
    assert things.insert({"name": "three"}) == 3
    things.remove(where("name") == "one")
    assert things.search(where("name") == "two")[0].doc_id == 2
    assert [row["name"] for row in things.all()] == ["two", "three"]
    with TinyDB(tmp_path / "a.json") as plain:
        assert [dict(row) for row in plain.table("things")] == [{"name": "two"}, {"name": "three"}]


def test_a_batch_is_one_replacement_and_other_writes_are_one_each(tmp_path: Path, files: FaultyFiles) -> None:
    storage = AtomicStorage(tmp_path / "a.json", files)
    with storage.batch():
        storage.write({"a": {"1": {}}})
        storage.write({"a": {"1": {}}, "b": {"1": {}}})
        assert files.replaced == []
    assert len(files.replaced) == 1
    storage.write({})
    assert len(files.replaced) == 2


def test_a_batch_left_by_an_exception_is_discarded(tmp_path: Path, files: FaultyFiles) -> None:
    storage = AtomicStorage(tmp_path / "a.json", files)
    storage.write({"a": {"1": {"kept": True}}})

    def fail() -> None:
        with storage.batch():
            storage.write({})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert storage.read() == {"a": {"1": {"kept": True}}}
    assert len(files.replaced) == 1


def test_a_damaged_file_is_refused_every_time_it_is_read(tmp_path: Path, files: FaultyFiles) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": {"1": ')
    database = RowDatabase(tmp_path / "a.json", files)
    for _ in range(2):
        with pytest.raises(StoreDamaged):
            database.rows()
    with pytest.raises(StoreDamaged):
        database.put({"a": {1: b"{}"}})
    assert (tmp_path / "a.json").read_bytes() == b'{"a": {"1": '
