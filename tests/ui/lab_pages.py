"""What the browser tests do with JupyterLab, in the words of a user."""

from playwright.sync_api import Locator, Page, expect

KERNEL_IDLE = "Python 3 (ipykernel) | Idle"


def open_lab(page: Page, url: str, token: str, path: str = "") -> None:
    """Open JupyterLab, on a notebook when *path* names one, and wait until it can be used."""
    page.goto(f"{url}/lab{'/tree/' + path if path else ''}?token={token}")
    page.locator("#jp-main-dock-panel").wait_for()
    if path:
        page.get_by_text(KERNEL_IDLE).wait_for()


def run_cells(page: Page, count: int) -> None:
    """Run the first *count* cells of the open notebook."""
    page.locator(".jp-Notebook .jp-Cell").first.click()
    for _ in range(count):
        page.keyboard.press("Shift+Enter")


def open_panel(page: Page) -> Locator:
    """Show the FlowDrop side panel and return it."""
    panel = page.locator("#flowdrop-sessions")
    if not panel.is_visible():
        page.locator('.jp-SideBar [data-id="flowdrop-sessions"]').click()
    expect(panel).to_be_visible()
    return panel


def say(chat: Locator, text: str) -> None:
    """Type a message into a chat and send it with the keyboard."""
    box = chat.get_by_role("textbox")
    expect(box).to_be_enabled()
    box.fill(text)
    box.press("Enter")
