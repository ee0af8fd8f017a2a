"""The tutorial in JupyterLab: the widget answers, asks, and shows what happened."""

import pytest
from conftest import Lab
from lab_pages import open_lab, open_panel, run_cells, say
from playwright.sync_api import Page, expect

NOTEBOOK = "01-first-conversation.ipynb"


@pytest.fixture
def widget(lab: Lab, page: Page):
    """The chat widget of the tutorial, opened by running its first cells."""
    open_lab(page, lab.url, lab.token, NOTEBOOK)
    run_cells(page, 4)
    chat = page.locator(".jp-OutputArea .jp-FlowDrop-chat")
    expect(chat).to_be_visible()
    return chat


def test_typed_message_is_answered_in_the_widget(widget, page: Page) -> None:
    say(widget, "describe")
    expect(widget.get_by_role("cell", name="bill_length_mm")).to_be_visible()
    expect(widget).to_contain_text("344 rows, 8 columns")


def test_plot_is_shown_as_an_image_with_a_description(widget, page: Page) -> None:
    say(widget, "plot bill_length_mm by species")
    picture = widget.get_by_role("img", name="Box plot of bill_length_mm by species")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 100


def test_approval_with_the_keyboard_writes_the_file(lab: Lab, widget, page: Page) -> None:
    written = lab.root / "data" / "penguins.cleaned.csv"
    written.unlink(missing_ok=True)
    say(widget, "clean")
    yes = widget.get_by_role("button", name="Yes").last
    expect(yes).to_be_visible()
    assert not written.exists()
    yes.focus()
    page.keyboard.press("Enter")
    expect(widget).to_contain_text("Wrote 333 rows")
    assert len(written.read_text().splitlines()) == 334


def test_no_leaves_the_file_unwritten(lab: Lab, widget, page: Page) -> None:
    written = lab.root / "data" / "penguins.cleaned.csv"
    written.unlink(missing_ok=True)
    say(widget, "clean")
    widget.get_by_role("button", name="No").last.click()
    expect(widget).to_contain_text("Nothing was written")
    assert not written.exists()


def test_widget_in_the_dark_theme(dark_theme: None, widget, page: Page) -> None:
    page.locator('body[data-jp-theme-light="false"]').wait_for(state="attached")
    say(widget, "missing")
    expect(widget).to_contain_text("19 values missing")
    say(widget, "clean")
    expect(widget.get_by_role("button", name="Yes").last).to_be_visible()


def test_running_the_cell_again_shows_the_whole_history(lab: Lab, page: Page) -> None:
    open_lab(page, lab.url, lab.token, NOTEBOOK)
    run_cells(page, 4)
    chat = page.locator(".jp-OutputArea .jp-FlowDrop-chat")
    expect(chat).to_contain_text("344 rows, 8 columns")
    with lab.client() as client:
        assert len(client.sessions("data-quality-assistant")) == 1


def test_panel_lists_the_notebooks_session_and_opens_it(lab: Lab, page: Page) -> None:
    open_lab(page, lab.url, lab.token)
    panel = open_panel(page)
    expect(panel).to_contain_text("Data quality assistant")
    panel.get_by_role("button", name="Penguins").first.click()
    chat = page.locator(".jp-MainAreaWidget .jp-FlowDrop-chat")
    expect(chat).to_contain_text("344 rows, 8 columns")
    say(chat, "help")
    expect(chat).to_contain_text("Say one of these")
