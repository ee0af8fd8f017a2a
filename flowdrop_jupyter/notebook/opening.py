"""From what a person typed to a followed session: which workflow, which session, attached or new.

Re-running a cell must come back to the same conversation, so a session remembers the notebook it was made
for, and this process keeps one :class:`Conversation` per session however often it is opened.
"""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from ..client import FlowDropClient, SessionRow, WorkflowDoc, find_server
from ..errors import Conflict, InvalidInput, NotFound
from .conversation import Conversation

_lock = threading.Lock()
_open: dict[tuple[str, str], Conversation] = {}
_clients: dict[tuple[str, str | None], FlowDropClient] = {}


def client_for(server: str | None = None, token: str | None = None) -> FlowDropClient:
    """The one client of this process for a server and token, found as ``client.discovery`` describes.

    :raises ServerNotFound: no server was given and none could be found.
    """
    found = find_server(server, token)
    key = (found.url, found.token)
    with _lock:
        if key not in _clients:
            _clients[key] = FlowDropClient(found.url, found.token)
        return _clients[key]


def open_conversation(
    client: FlowDropClient,
    workflow: str,
    *,
    session: str | None = None,
    name: str | None = None,
    new: bool = False,
    notebook: str | None = None,
) -> Conversation:
    """The conversation that the given words mean; it is made when there is none.

    :param workflow: a workflow's id or exact name.
    :param session: the id or name of an existing session.
    :param name: the newest session with this name, or a new one that gets it.
    :param new: a new session in any case.
    :param notebook: the notebook's path; without ``session`` and ``name`` its own session is meant.
    :raises NotFound: there is no such workflow or session.
    :raises Conflict: several workflows have this name.
    """
    document = find_workflow(client, workflow)
    row = find_session(client, document, session=session, name=name, new=new, notebook=notebook)
    return conversation_for(client, row, document["name"])


def conversation_for(client: FlowDropClient, session: SessionRow, workflow_name: str) -> Conversation:
    """The one conversation of this process for a session, which goes on with the given client."""
    key = (client.server, session["id"])
    with _lock:
        known = _open.get(key)
        if known is not None and not known.closed:
            known.adopt(client)
            return known
        conversation = Conversation(client, session, workflow_name)
        _open[key] = conversation
        return conversation


def find_workflow(client: FlowDropClient, wanted: str) -> WorkflowDoc:
    """A workflow by its id or else by its exact name.

    :raises NotFound: there is none; the message names similar ones.
    :raises Conflict: several have this name; the message names their ids.
    """
    wanted = wanted.strip()
    if not wanted:
        raise InvalidInput("Which workflow? Give its id or name.")
    try:
        return client.workflow(wanted)
    except (NotFound, InvalidInput):
        known = client.workflows()
    named = [document for document in known if document["name"] == wanted]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(document["id"] for document in named)
        raise Conflict(f"Several workflows are named {wanted!r}; give one of the ids: {ids}.")
    words = [word for document in known for word in (document["id"], document["name"])]
    similar = difflib.get_close_matches(wanted, words, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(word) for word in similar)}?" if similar else ""
    raise NotFound(f"There is no workflow {wanted!r}.{hint}")


def find_session(
    client: FlowDropClient,
    workflow: WorkflowDoc,
    *,
    session: str | None = None,
    name: str | None = None,
    new: bool = False,
    notebook: str | None = None,
) -> SessionRow:
    """A session of a workflow, made when there is none; parameters as in :func:`open_conversation`.

    :raises NotFound: ``session`` names none.
    """
    rows = [] if new and session is None else _sessions(client, workflow["id"])
    if session is not None:
        for row in [*(row for row in rows if row["id"] == session), *_named(rows, session)]:
            return row
        raise NotFound(f"The workflow {workflow['name']!r} has no session {session!r}.")
    if name is not None:
        for row in _named(rows, name):
            return row
        return client.create_session(workflow["id"], name, _about(notebook, named=True))
    for row in rows:
        about = row.get("metadata") or {}
        if notebook is not None and about.get("notebook") == notebook and not about.get("named"):
            return row
    title = PurePath(notebook).stem if notebook else workflow["name"]
    return client.create_session(workflow["id"], title[:100], _about(notebook, named=False))


def notebook_path(
    environ: Mapping[str, str] | None = None, namespace: Mapping[str, Any] | None = None
) -> str | None:
    """The path of the notebook this kernel runs, as far as anybody told; None in a console.

    :param environ: the process's environment by default.
    :param namespace: the user's variables, where VS Code leaves the path.
    """
    told = (namespace or {}).get("__vsc_ipynb_file__")
    if isinstance(told, str) and told:
        return told
    path = (os.environ if environ is None else environ).get("JPY_SESSION_NAME", "")
    # A collaborative drive puts its name before the path, a console's path has no suffix.
    path = path.replace("RTC:", "", 1)
    return path if PurePath(path).suffix else None


def notebook_folder(
    environ: Mapping[str, str] | None = None, namespace: Mapping[str, Any] | None = None
) -> Path:
    """The folder of the notebook this kernel runs, else the working directory.

    Parameters as for :func:`notebook_path`.
    """
    told = notebook_path(environ, namespace)
    if told is not None and Path(told).is_absolute() and Path(told).parent.is_dir():
        return Path(told).parent
    return Path.cwd()


def _sessions(client: FlowDropClient, workflow_id: str) -> list[SessionRow]:
    rows = [row for row in client.sessions(workflow_id) if not (row.get("metadata") or {}).get("archived")]
    return sorted(rows, key=lambda row: row["updatedAt"], reverse=True)


def _named(rows: list[SessionRow], name: str) -> list[SessionRow]:
    return [row for row in rows if row["name"] == name]


def _about(notebook: str | None, *, named: bool) -> dict[str, Any]:
    about: dict[str, Any] = {"notebook": notebook} if notebook else {}
    return {**about, "named": True} if named else about
