"""The chat widget: a view over one session that stays readable when no widget can run.

State lives on the server. The widget shows a :class:`~.conversation.Conversation`, speaks ``protocol`` with
its front end, and leaves the conversation as Markdown, HTML and plain text in the saved notebook.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

from ..client import FlowDropClient, MessageRow, SessionRow
from ..errors import FlowDropError
from . import transcript
from .conversation import Conversation
from .opening import client_for, notebook_path, open_conversation
from .prompts import Prompt
from .protocol import respond
from .turn import Turn
from .views import Views

_STATIC = Path(__file__).parent / "static"
_NOT_BUILT = """
export default { render({ el }) {
  el.textContent = "The FlowDrop chat front end is not built; run `npm run build` in labextension/.";
} };
"""


def _asset(name: str, otherwise: str) -> Path | str:
    path = _STATIC / name
    return path if path.is_file() else otherwise


class ChatWidget(anywidget.AnyWidget):
    """A chat with one session. Made by :func:`chat`; display it, or drive it from cells.

    :param conversation: the session to show.
    :param height: a CSS length.
    """

    _esm = _asset("chat.js", _NOT_BUILT)
    _css = _asset("chat.css", "")

    session_id = traitlets.Unicode("").tag(sync=True)
    session_name = traitlets.Unicode("").tag(sync=True)
    workflow_id = traitlets.Unicode("").tag(sync=True)
    workflow_name = traitlets.Unicode("").tag(sync=True)
    status = traitlets.Unicode("idle").tag(sync=True)
    connection = traitlets.Dict(default_value={"state": "connecting", "detail": ""}).tag(sync=True)
    height = traitlets.Unicode("480px").tag(sync=True)

    def __init__(self, conversation: Conversation, *, height: str = "480px", **kwargs: Any) -> None:
        session = conversation.session
        super().__init__(
            session_id=session["id"],
            session_name=session["name"],
            workflow_id=session["workflowId"],
            workflow_name=conversation.workflow_name,
            status=conversation.status,
            height=height,
            **kwargs,
        )
        self.conversation = conversation
        self._views = Views()
        self._shown_as: str | None = None
        self._publishing = threading.Lock()
        self.on_msg(self._on_message)
        conversation.listener = self
        conversation.follow(self._watched)

    @property
    def session(self) -> SessionRow:
        """The session's row as last read."""
        return self.conversation.session

    @property
    def messages(self) -> list[MessageRow]:
        """All messages, read anew; the last known ones while the server cannot be reached."""
        self._look()
        return self.conversation.rows()

    @property
    def prompt(self) -> Prompt | None:
        """The question that waits for an answer, read anew; the last known one as for ``messages``."""
        self._look()
        return self.conversation.prompt

    def _look(self) -> None:
        # After close() the last known state is all there is.
        if not self.conversation.closed:
            with suppress(FlowDropError):
                self.refresh()

    def refresh(self) -> list[MessageRow]:
        """Read what is new now.

        :returns: all messages, ascending.
        :raises FlowDropError: the server did not answer as it should.
        """
        return self.conversation.workers.call(self.conversation.refresh)

    def send(self, text: str, *, wait: bool = True, timeout: float | None = None) -> Turn:
        """Say something; by default wait for the turn's end or its question.

        :param text: the message.
        :param wait: come back only when the session does not run any more.
        :param timeout: seconds; ``None`` waits without limit.
        :raises TimeoutError: the turn still runs; it goes on.
        :raises Conflict: a turn is running already.
        """
        return self.conversation.send(text, wait=wait, timeout=timeout)

    def answer(self, value: Any, *, wait: bool = True, timeout: float | None = None) -> Turn:
        """Answer the open prompt; by default wait for the run's next stop.

        :param value: ``True`` or ``"yes"`` for a confirmation, an option's value, a dict for a form, …
        :raises InvalidInput: nothing is asked, or this is no answer to it.
        """
        return self.conversation.answer(value, wait=wait, timeout=timeout)

    def cancel(self, *, wait: bool = True, timeout: float | None = None) -> Turn:
        """Close the open prompt without an answer.

        :raises InvalidInput: nothing is asked, or the question cannot be cancelled.
        """
        return self.conversation.cancel(wait=wait, timeout=timeout)

    def stop(self) -> None:
        """Stop the run.

        :raises Conflict: nothing is running.
        """
        self.conversation.stop()

    def close(self) -> None:
        """Follow the session no more and close all views; the session itself stays."""
        conversation = getattr(self, "conversation", None)
        if conversation is not None:
            conversation.close()
        super().close()

    # What the conversation tells, from any thread.

    def changed(self, rows: list[MessageRow]) -> None:
        """Pass news on to the front end."""
        conversation = self.conversation
        state, detail = conversation.link
        self.status = conversation.status
        self.connection = {"state": state, "detail": detail}
        self.session_name = conversation.session["name"]
        if rows:
            super().send({"kind": "messages", "upsert": rows})

    def settled(self) -> None:
        """Bring the static transcript up to date, unless somebody types in a view right now."""
        if self._views.put_off():
            return
        self._republish()

    # What the front end tells, on the kernel's shell or a subshell thread.

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict) or self.conversation.closed:
            return
        # Closed in this very moment: nobody looks on any more.
        with suppress(RuntimeError):
            if content.get("kind") == "request":
                self.conversation.workers.submit(lambda: self._respond(content))
            elif content.get("kind") == "view":
                self._on_view(str(content.get("view", "")), content.get("state"))

    def _on_view(self, view: str, state: Any) -> None:
        watched = self._views.anybody()
        self._views.note(view, state)
        if state == "attached" or (self._views.anybody() and not watched):
            self.conversation.follow(self._watched)
        if self._views.due():
            self.conversation.workers.submit(self._republish)

    def _watched(self) -> bool:
        """Asked between two looks at a quiet session; a view that fell silent may have had the focus."""
        if self._views.due():
            with suppress(RuntimeError):
                self.conversation.workers.submit(self._republish)
        return self._views.anybody()

    def _respond(self, request: dict[str, Any]) -> None:
        super().send(respond(self.conversation, request))

    # How it shows.

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else ({}, {})
        session = self.conversation.session
        title = f"{session['name']} · {self.conversation.workflow_name}"
        return {**data, **transcript.mime_bundle(self.conversation.rows(), title=title)}, metadata

    def _ipython_display_(self, **_kwargs: Any) -> None:
        # A result of its own has no display id; only a display can be brought up to date later.
        if not self.conversation.closed and not self.conversation.rows():
            try:
                self.refresh()
            except FlowDropError as error:
                self.connection = {"state": "offline", "detail": str(error)}
        self._publish(update=False)

    def _republish(self) -> None:
        if self._shown_as is not None:
            self._publish(update=True)

    def _publish(self, *, update: bool) -> None:
        if get_ipython() is None:
            return
        with self._publishing:
            data, metadata = ChatWidget._repr_mimebundle_(self)
            if not update:
                self._shown_as = f"flowdrop-{self.session_id}"
            display(  # type: ignore[no-untyped-call]
                data, metadata=metadata, raw=True, display_id=self._shown_as, update=update
            )


def chat(
    workflow: str,
    *,
    session: str | None = None,
    name: str | None = None,
    new: bool = False,
    server: str | None = None,
    token: str | None = None,
    client: FlowDropClient | None = None,
    height: str = "480px",
) -> ChatWidget:
    """Open a chat; running the cell again comes back to the same session.

    :param workflow: a workflow's id or exact name.
    :param session: the id or name of an existing session.
    :param name: the newest session with this name, or a new one that gets it.
    :param new: a new session in any case.
    :param server: the server's address; found as described in ``client.discovery`` when absent.
    :param token: the Jupyter token.
    :param client: used instead of ``server`` and ``token``.
    :param height: a CSS length.
    :raises ServerNotFound: no server was given and none could be found.
    :raises NotFound: there is no such workflow or session.
    """
    shell = get_ipython()
    conversation = open_conversation(
        client or client_for(server, token),
        workflow,
        session=session,
        name=name,
        new=new,
        notebook=notebook_path(namespace=shell.user_ns if shell is not None else None),
    )
    return widget_for(conversation, height=height)


def widget_for(conversation: Conversation, *, height: str = "480px") -> ChatWidget:
    """The widget that shows a conversation; the same one each time it is asked for."""
    widget = conversation.listener
    if not isinstance(widget, ChatWidget):
        return ChatWidget(conversation, height=height)
    widget.height = height
    return widget
