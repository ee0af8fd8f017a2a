"""Find a Chromium for the browser tests and the demo's picture; ``--install`` fetches one if needed.

Prints its path, or nothing when there is none. The variable ``FLOWDROP_CHROMIUM`` overrides.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    named = os.environ.get("FLOWDROP_CHROMIUM")
    if named:
        return named
    installed = next((path for name in NAMES if (path := shutil.which(name))), None)
    return installed or _playwrights_own()


def install() -> str | None:
    """Return a Chromium, installed by the system's packages or by Playwright when none is there."""
    found = find()
    if found is None and os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False
        )
        found = find()
    if found is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
        found = find()
    return found


def _playwrights_own() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main() -> int:
    path = install() if "--install" in sys.argv[1:] else find()
    if path:
        print(path)
    elif "--install" in sys.argv[1:]:
        print("No Chromium was found or could be installed; set FLOWDROP_CHROMIUM.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
