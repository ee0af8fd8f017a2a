"""Who looks on, as far as the views say."""

from __future__ import annotations

import pytest

from flowdrop_jupyter.notebook.views import SILENT_SECONDS, Views


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def views(clock: Clock) -> Views:
    return Views(clock)


def test_before_any_view_has_come_somebody_may_be_there(views: Views, clock: Clock) -> None:
    clock.now += 10 * SILENT_SECONDS
    assert views.anybody()


def test_a_view_that_says_good_bye_is_gone(views: Views) -> None:
    views.note("a", "attached")
    views.note("a", "detached")
    assert not views.anybody()


def test_a_view_that_falls_silent_is_forgotten(views: Views, clock: Clock) -> None:
    views.note("a", "attached")
    clock.now += SILENT_SECONDS - 1
    assert views.anybody()
    clock.now += 1
    assert not views.anybody()


def test_signs_of_life_keep_a_view_and_bring_it_back(views: Views, clock: Clock) -> None:
    views.note("a", "attached")
    for _ in range(10):
        clock.now += 20
        views.note("a", "alive")
    assert views.anybody()
    clock.now += SILENT_SECONDS
    assert not views.anybody()
    views.note("a", "alive")
    assert views.anybody()


def test_one_view_does_not_speak_for_another(views: Views, clock: Clock) -> None:
    views.note("closed", "attached")
    views.note("open", "attached")
    clock.now += 40
    views.note("open", "alive")
    clock.now += 40
    views.note("open", "detached")
    assert not views.anybody()


def test_a_refresh_waits_until_the_focused_view_lets_go(views: Views) -> None:
    views.note("a", "focus")
    views.note("b", "attached")
    views.note("a", "alive")
    assert views.put_off()
    assert not views.due()
    views.note("a", "blur")
    assert views.due()
    assert not views.due()


def test_a_refresh_does_not_wait_for_a_tab_that_was_closed(views: Views, clock: Clock) -> None:
    views.note("a", "focus")
    assert views.put_off()
    clock.now += SILENT_SECONDS
    assert views.due()
    assert not views.put_off()


@pytest.mark.parametrize("odd", [None, 1, "", "gone", ["attached"], {}])
def test_what_is_no_state_is_ignored(views: Views, odd: object) -> None:
    views.note("a", "attached")
    views.note("a", "detached")
    views.note("a", odd)
    assert not views.anybody()
