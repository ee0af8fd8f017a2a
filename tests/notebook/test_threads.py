"""Workers and followers: they run beside each other, report, and end."""

from __future__ import annotations

import threading

import pytest
from notebook_fakes import Recorder

from flowdrop_jupyter.errors import Forbidden, NotFound, TransportError
from flowdrop_jupyter.notebook.follower import Follower
from flowdrop_jupyter.notebook.link import LAST_RETRY, PATIENCE, Link
from flowdrop_jupyter.notebook.workers import Workers


def test_jobs_run_beside_each_other() -> None:
    workers = Workers(size=3)
    meet = threading.Barrier(3, timeout=10)
    futures = [workers.submit(meet.wait) for _ in range(3)]
    assert sorted(future.result(10) for future in futures) == [0, 1, 2]
    workers.close()


def test_more_jobs_than_threads_are_all_done() -> None:
    workers = Workers(size=2)
    futures = [workers.submit(lambda number=number: number) for number in range(50)]
    assert [future.result(10) for future in futures] == list(range(50))
    workers.close()


@pytest.mark.parametrize("error", [ValueError("x"), TimeoutError("of the job")])
def test_a_jobs_error_reaches_whoever_asked(error: Exception) -> None:
    workers = Workers()

    def fail() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        workers.call(fail)
    workers.close()


def test_closed_workers_take_no_jobs_but_finish_those_they_have() -> None:
    workers = Workers(size=1)
    go_on = threading.Event()
    first = workers.submit(lambda: go_on.wait(10))
    second = workers.submit(lambda: "done")
    workers.close()
    go_on.set()
    assert first.result(10)
    assert second.result(10) == "done"
    with pytest.raises(RuntimeError):
        workers.submit(lambda: None)


def test_a_resting_follower_looks_when_woken_and_not_before() -> None:
    looks = Recorder()
    follower = Follower(lambda: looks.add(1), lambda: None)
    follower.wake()
    looks.until(lambda seen: len(seen) == 1)
    follower.wake()
    looks.until(lambda seen: len(seen) == 2)
    assert follower.close(timeout=10)
    follower.wake()
    assert len(looks.seen) == 2


def test_a_follower_looks_again_after_its_delay() -> None:
    looks = Recorder()
    follower = Follower(lambda: looks.add(1), lambda: 0.001)
    follower.wake()
    looks.until(lambda seen: len(seen) >= 3)
    assert follower.close(timeout=10)


def test_a_follower_that_never_ran_closes() -> None:
    assert Follower(lambda: None, lambda: None).close()


def test_retries_become_slower_up_to_a_limit() -> None:
    link = Link()
    delays = []
    for _ in range(8):
        link.down(TransportError("no"), now=0.0)
        delays.append(link.retry_delay())
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, LAST_RETRY, LAST_RETRY, LAST_RETRY]


def test_a_deleted_session_is_not_asked_for_again() -> None:
    link = Link()
    link.down(NotFound("gone"), now=0.0)
    assert link.retry_delay() is None


@pytest.mark.parametrize("error", [NotFound("gone"), Forbidden("no")])
def test_there_is_no_point_in_waiting_for_a_lost_session(error: Exception) -> None:
    link = Link()
    link.down(error, now=0.0)
    with pytest.raises(type(error)):
        link.check_patience(now=0.0)


def test_patience_with_a_silent_server_ends_and_begins_anew() -> None:
    link = Link()
    link.down(TransportError("no"), now=0.0)
    link.check_patience(now=PATIENCE - 1)
    with pytest.raises(TransportError, match="out of reach"):
        link.check_patience(now=PATIENCE)
    link.up()
    link.down(TransportError("no"), now=PATIENCE)
    link.check_patience(now=PATIENCE + 1)
