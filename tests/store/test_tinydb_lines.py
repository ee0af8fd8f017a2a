"""What is read from a journal, whatever has happened to its bytes."""

import pytest

from flowdrop_jupyter.store.rows import Batch
from flowdrop_jupyter.store.tinydb.lines import encode_cut, encode_line, encode_mark, is_removal, scan

ADA, BOB = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
ROWS: Batch = {"session": {1: b'{"id":"x"}'}, "messages": {7: b'{"a":1}', 8: b'{"b":"\xc3\xa9"}'}}
FIRST = encode_line(ADA, 1, ROWS, new=True)
SECOND = encode_line(BOB, 5, ROWS)
THIRD = encode_line(ADA, 2, {"session": {1: b"{}"}})


def commits(content: bytes) -> list[tuple[str, int]]:
    return [(line.session, line.number) for line in scan(content).lines]


def test_lines_are_read_as_they_were_written() -> None:
    found = scan(FIRST + SECOND)
    assert [(line.session, line.number, line.new, line.rows) for line in found.lines] == [
        (ADA, 1, True, ROWS),
        (BOB, 5, False, ROWS),
    ]
    assert b"".join(line.raw for line in found.lines) == FIRST + SECOND
    assert not found.torn
    assert found.bad == []


def test_a_removal_has_no_rows() -> None:
    removal = encode_line(ADA, 3, None)
    assert scan(removal).lines[0].rows is None
    assert is_removal(removal)
    assert not is_removal(FIRST)


@pytest.mark.parametrize("zeros", [0, 1, 5000])
def test_an_end_torn_at_any_byte_is_set_apart_and_nothing_before_it(zeros: int) -> None:
    whole = FIRST + SECOND
    for size in range(len(THIRD)):
        found = scan(whole + THIRD[:size] + b"\0" * zeros)
        assert [line.number for line in found.lines] == [1, 5]
        assert (found.end, found.bad) == (len(whole), [])
        assert found.torn == (size > 0)
        assert found.size == len(whole) + size + zeros


def test_a_bit_that_fell_over_is_noticed_wherever_it_is() -> None:
    whole = FIRST + SECOND + THIRD
    for place in range(len(FIRST), len(FIRST) + len(SECOND)):
        for bit in (1, 2, 16):
            content = bytearray(whole)
            content[place] ^= bit
            found = scan(bytes(content))
            assert [(line.session, line.number) for line in found.lines] == [(ADA, 1), (ADA, 2)]
            assert [bad.start for bad in found.bad] == [len(FIRST)]


def test_damage_tells_whose_commit_it_was_when_that_can_be_read() -> None:
    content = (FIRST + SECOND + THIRD).replace(b'"b":', b'"c":', 2)
    [_, bad] = scan(content).bad
    assert (bad.session, bad.number) == (BOB, 5)
    [bad] = scan(FIRST + SECOND.replace(BOB.encode(), b"?" * 36) + THIRD).bad
    assert (bad.session, bad.number) == (None, None)


def test_a_last_line_that_was_whole_once_is_damage_and_not_a_torn_end() -> None:
    found = scan(FIRST + THIRD.replace(b"{}", b"[]"))
    assert [bad.number for bad in found.bad] == [2]
    assert not found.torn


def test_a_last_write_with_a_hole_was_never_acknowledged() -> None:
    first = encode_mark(0) + FIRST
    second = encode_mark(len(first)) + SECOND + THIRD
    hole = second.replace(SECOND[30:60], b"\0" * 30)
    found = scan(first + hole + b"\0" * 100)
    assert commits(first + hole) == [(ADA, 1)]
    assert found.bad == []
    assert found.torn


def test_a_hole_before_the_last_write_is_damage() -> None:
    first = encode_mark(0) + FIRST
    second = encode_mark(len(first)) + SECOND
    third = encode_mark(len(first + second)) + THIRD
    found = scan(first + second.replace(SECOND[70:90], b"\0" * 20) + third)
    assert [(bad.session, bad.number) for bad in found.bad] == [(BOB, 5)]
    assert not found.torn


def test_a_hole_that_swallows_the_mark_of_the_last_write_was_never_acknowledged() -> None:
    first = encode_mark(0) + FIRST
    second = encode_mark(len(first)) + SECOND
    assert commits(first + b"\0" * len(second) + THIRD) == [(ADA, 1)]


def test_a_cut_tells_how_much_of_other_logs_counts() -> None:
    assert [cut.lengths for cut in scan(encode_cut({3: 70, 4: 0}) + FIRST).cuts] == [{3: 70, 4: 0}]
