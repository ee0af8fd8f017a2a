"""The JupyterLab panel on its own: new sessions, hostile content, a server that dies."""

import json
from pathlib import Path

import pytest
from conftest import PROJECT, Lab
from lab_pages import open_lab, open_panel, say
from playwright.sync_api import Locator, Page, expect

WORKFLOW = PROJECT / "notebooks" / "data-quality-assistant.flowdrop.json"
HOSTILE = (
    "<img src=x onerror=\"document.body.dataset.owned='1'\">"
    "<script>document.body.dataset.owned='1'</script>"
    "[click](javascript:document.body.dataset.owned='1') ![p](http://127.0.0.1:9/pixel.png) **bold**"
)


@pytest.fixture(scope="module", autouse=True)
def _workflows(lab: Lab) -> None:
    with lab.client() as client:
        client.save_workflow(WORKFLOW)


def new_session(page: Page, workflow: str) -> Locator:
    panel = open_panel(page)
    panel.get_by_role("button", name=f"New session of {workflow}").click()
    chat = shown_chat(page, workflow)
    expect(chat.get_by_text("No messages yet")).to_be_visible()
    return chat


def shown_chat(page: Page, workflow: str) -> Locator:
    return page.locator(".jp-MainAreaWidget .jp-FlowDrop-chat").filter(has_text=workflow, visible=True)


def test_new_session_from_the_panel_holds_a_conversation(lab: Lab, page: Page) -> None:
    open_lab(page, lab.url, lab.token)
    chat = new_session(page, "Data quality assistant")
    say(chat, "describe")
    expect(chat).to_contain_text("344 rows, 8 columns")


def test_panel_in_the_dark_theme(lab: Lab, dark_theme: None, page: Page) -> None:
    open_lab(page, lab.url, lab.token)
    page.locator('body[data-jp-theme-light="false"]').wait_for(state="attached")
    chat = new_session(page, "Data quality assistant")
    say(chat, "plot body_mass_g by species")
    expect(chat.get_by_role("img", name="Box plot of body_mass_g by species")).to_be_visible()
    say(chat, "clean")
    expect(chat.get_by_role("button", name="Yes")).to_be_visible()


def test_what_a_workflow_says_cannot_run_script_or_load_remote_images(lab: Lab, page: Page) -> None:
    echo = json.loads(Path(__file__).with_name("echo.flowdrop.json").read_text())
    with lab.client() as client:
        client.save_workflow(echo)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    open_lab(page, lab.url, lab.token)
    chat = new_session(page, "Echo")
    say(chat, HOSTILE)
    expect(chat.locator("strong", has_text="bold").first).to_be_visible()
    assert page.evaluate("document.body.dataset.owned") is None
    assert chat.locator("script, [onerror], a[href^='javascript']").count() == 0
    assert not [url for url in requested if "pixel.png" in url]


@pytest.mark.server_goes_away
def test_open_question_survives_a_killed_server(lab: Lab, page: Page) -> None:
    open_lab(page, lab.url, lab.token)
    chat = new_session(page, "Data quality assistant")
    say(chat, "clean")
    expect(chat.get_by_role("button", name="Yes")).to_be_visible()
    lab.kill()
    lab.start()
    page.reload()
    page.locator("#jp-main-dock-panel").wait_for()
    chat = shown_chat(page, "Data quality assistant")
    yes = chat.get_by_role("button", name="Yes")
    expect(yes).to_be_visible()
    yes.click()
    expect(chat).to_contain_text("Wrote 333 rows")
