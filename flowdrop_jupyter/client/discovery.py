"""How a kernel finds the Jupyter server it belongs to; never simply the first one that runs.

In this order: the argument, ``FLOWDROP_SERVER_URL``, JupyterHub's variables, and the servers noted in the
runtime directory whose root holds the notebook. When none fits, the error says why for each. A kernel cannot
log in with a password, so a server that has nothing else is not gone to in vain.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from jupyter_core.paths import jupyter_runtime_dir

from ..errors import InvalidInput, ServerNotFound
from .processes import process_alive


@dataclass(frozen=True, slots=True)
class Server:
    """A Jupyter server to talk to.

    :param url: its address without a trailing slash.
    :param token: kept out of the ``repr``.
    :param source: where it was found, for people.
    """

    url: str
    token: str | None = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class _Running:
    file: str
    url: str
    token: str | None = field(repr=False)
    root: Path | None
    password_only: bool


def find_server(
    server: str | None = None,
    token: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    runtime_dir: Path | None = None,
    cwd: Path | None = None,
    is_alive: Callable[[int], bool] = process_alive,
) -> Server:
    """The server to use and its token.

    :param server: an address; anything after ``?`` is read for ``token`` and dropped.
    :param token: wins over every token found elsewhere.
    :param environ: the process's environment by default.
    :param runtime_dir: Jupyter's runtime directory by default.
    :param cwd: stands in for the notebook's folder when ``JPY_SESSION_NAME`` is not an absolute path.
    :param is_alive: whether a process id is in use.
    :raises InvalidInput: ``server`` is not an ``http`` or ``https`` address.
    :raises ServerNotFound: nothing fits, the message names all that was tried; or the server that fits
        has a password but no token (code ``SERVER_TOKEN_MISSING``).
    """
    env = os.environ if environ is None else environ
    runtime = Path(jupyter_runtime_dir()) if runtime_dir is None else runtime_dir
    if server is not None:
        return _explicit(server, token, env, runtime, is_alive)
    tried = ["the 'server' argument: not given"]
    found = _from_flowdrop(env, tried) or _from_hub(env, tried)
    if found is None:
        place = _notebook_folder(env, Path.cwd() if cwd is None else cwd)
        found = _from_runtime(runtime, place, is_alive, tried, token)
    if found is None:
        listing = "\n".join(f"  - {line}" for line in tried)
        raise ServerNotFound(
            f"No FlowDrop server was found. Tried:\n{listing}\n"
            "Pass server=… and token=…, or set FLOWDROP_SERVER_URL and FLOWDROP_TOKEN."
        )
    return Server(found.url, token if token is not None else found.token, found.source)


def _explicit(
    server: str,
    token: str | None,
    env: Mapping[str, str],
    runtime: Path,
    is_alive: Callable[[int], bool],
) -> Server:
    url, in_url = split_token(server)
    token = token if token is not None else in_url
    if token is None:
        known = env.get("FLOWDROP_SERVER_URL")
        if env.get("FLOWDROP_TOKEN") and (not known or split_token(known)[0] == url):
            token = env["FLOWDROP_TOKEN"]
    if token is None:
        running, _ = _running(runtime, is_alive)
        token = next((entry.token for entry in running if entry.url == url), None)
    return Server(url, token, "the 'server' argument")


def _from_flowdrop(env: Mapping[str, str], tried: list[str]) -> Server | None:
    address = env.get("FLOWDROP_SERVER_URL")
    if not address:
        tried.append("FLOWDROP_SERVER_URL: not set")
        return None
    url, in_url = split_token(address)
    token = env.get("FLOWDROP_TOKEN") or in_url
    if token is None:
        # A server of a hub has no token of its own; the hub's is good for it and for nothing else.
        hub = _from_hub(env, [])
        token = hub.token if hub is not None and _place(hub.url) == _place(url) else None
    return Server(url, token, "FLOWDROP_SERVER_URL")


def _from_hub(env: Mapping[str, str], tried: list[str]) -> Server | None:
    token = env.get("JUPYTERHUB_API_TOKEN")
    address = env.get("JUPYTERHUB_SERVICE_URL")
    prefix = env.get("JUPYTERHUB_SERVICE_PREFIX")
    if not token:
        tried.append("JupyterHub: JUPYTERHUB_API_TOKEN is not set")
        return None
    if not address:
        tried.append("JupyterHub: JUPYTERHUB_SERVICE_URL is not set, the address is unknown")
        return None
    parts = urlsplit(address)
    # The address is the one the server binds; "any interface" is no place to connect to.
    host = "127.0.0.1" if parts.hostname in {"0.0.0.0", "::", None} else parts.hostname  # noqa: S104
    netloc = f"[{host}]" if ":" in str(host) else str(host)
    if parts.port:
        netloc = f"{netloc}:{parts.port}"
    url = urlunsplit((parts.scheme or "http", netloc, (prefix or parts.path).rstrip("/"), "", ""))
    return Server(url, token, "JupyterHub")


def _from_runtime(
    runtime: Path, place: Path, is_alive: Callable[[int], bool], tried: list[str], token: str | None
) -> Server | None:
    running, unfit = _running(runtime, is_alive)
    tried += [f"{file}: {reason}" for file, reason in unfit]
    if not running and not unfit:
        tried.append(f"running servers: none noted in {runtime}")
    fitting = []
    for entry in running:
        if entry.root is not None and place.is_relative_to(entry.root):
            fitting.append(entry)
        else:
            tried.append(f"{entry.url} ({entry.file}): its root {entry.root} does not hold {place}")
    if not fitting:
        return None
    depth = max(_depth(entry) for entry in fitting)
    deepest = {entry.url: entry for entry in fitting if _depth(entry) == depth}
    if len(deepest) > 1:
        names = "\n".join(f"  - {url} (root {entry.root})" for url, entry in sorted(deepest.items()))
        raise ServerNotFound(
            f"Several running servers hold {place}, and it is not clear which one is meant:\n{names}\n"
            "Pass server=…, or set FLOWDROP_SERVER_URL and FLOWDROP_TOKEN.",
            code="SERVER_AMBIGUOUS",
        )
    [entry] = deepest.values()
    if entry.password_only and token is None:
        raise ServerNotFound(
            f"The running server at {entry.url} has a password but no token, and a kernel cannot log in with"
            " a password. Set c.IdentityProvider.token beside the password in the server's configuration"
            " and start it again, or pass server=… and token=….",
            code="SERVER_TOKEN_MISSING",
        )
    return Server(entry.url, entry.token, f"the running server noted in {entry.file}")


def _depth(entry: _Running) -> int:
    return len(entry.root.parts) if entry.root is not None else 0


def _running(runtime: Path, is_alive: Callable[[int], bool]) -> tuple[list[_Running], list[tuple[str, str]]]:
    """The servers noted in the runtime directory, and the notes that are of no use with the reason."""
    usable: list[_Running] = []
    unfit: list[tuple[str, str]] = []
    for file in sorted(runtime.glob("jpserver-*.json")):
        if file.name.endswith("-open.json"):
            continue
        try:
            note: Any = json.loads(file.read_text("utf-8"))
            pid, address = int(note["pid"]), str(note.get("url") or "")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            unfit.append((file.name, "cannot be read"))
            continue
        if not is_alive(pid):
            unfit.append((file.name, f"its process {pid} has ended"))
        elif note.get("sock") or not address.startswith(("http://", "https://")):
            unfit.append((file.name, "it listens on a Unix socket, which is not supported"))
        else:
            root = note.get("root_dir")
            usable.append(
                _Running(
                    file.name,
                    split_token(address)[0],
                    note.get("token") or None,
                    Path(root).resolve() if root else None,
                    bool(note.get("password")) and not note.get("token"),
                )
            )
    return usable, unfit


def _place(url: str) -> tuple[str, int | None, str]:
    """What two addresses of one server have in common."""
    parts = urlsplit(url)
    host = "localhost" if is_loopback(parts.hostname or "") else parts.hostname or ""
    return host, parts.port or {"http": 80, "https": 443}.get(parts.scheme), parts.path


def is_loopback(host: str) -> bool:
    """Whether a host's name or address can only mean this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _notebook_folder(env: Mapping[str, str], cwd: Path) -> Path:
    name = env.get("JPY_SESSION_NAME")
    if name and Path(name).is_absolute():
        return Path(name).resolve().parent
    return cwd.resolve()


def split_token(address: str) -> tuple[str, str | None]:
    """An address without its trailing slash, query and well-known pages, and the token in its query.

    :raises InvalidInput: it is not an ``http`` or ``https`` address.
    """
    parts = urlsplit(address.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput("The server's address must start with http:// or https://.")
    path = parts.path.rstrip("/")
    for page in ("/lab", "/tree"):
        path = path.removesuffix(page)
    token = parse_qs(parts.query).get("token", [None])[0]
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), token
