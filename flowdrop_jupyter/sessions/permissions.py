"""Who may do what with sessions and messages: decided here and nowhere else.

Viewing is not driving (MEM-9). Missing beats forbidden: a session that the caller may not see is
answered as one that does not exist. Absent never equals absent: nobody owns a session without an
owner, and a caller without an identity owns nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from ..errors import Conflict, Forbidden, NotFound
from ..store.records import Owner, SessionRecord

logger = logging.getLogger(__name__)

ADMINISTER: Final = "administer flowdrop_session"
CREATE: Final = "create flowdrop_session"
VIEW_OWN: Final = "view own flowdrop_session"
VIEW_ANY: Final = "view any flowdrop_session"
EDIT_OWN: Final = "edit own flowdrop_session"
EDIT_ANY: Final = "edit any flowdrop_session"
DELETE_OWN: Final = "delete own flowdrop_session"
DELETE_ANY: Final = "delete any flowdrop_session"
VIEW_OWN_MESSAGES: Final = "view own flowdrop_session_message"
VIEW_ANY_MESSAGES: Final = "view any flowdrop_session_message"
EXECUTE: Final = "execute session workflow"

ALL_PERMISSIONS: Final = frozenset(
    {
        ADMINISTER,
        CREATE,
        VIEW_OWN,
        VIEW_ANY,
        EDIT_OWN,
        EDIT_ANY,
        DELETE_OWN,
        DELETE_ANY,
        VIEW_OWN_MESSAGES,
        VIEW_ANY_MESSAGES,
        EXECUTE,
    }
)
"""The eleven permissions of the original, spelled exactly."""

OWN_PERMISSIONS: Final = frozenset({CREATE, VIEW_OWN, EDIT_OWN, DELETE_OWN, VIEW_OWN_MESSAGES, EXECUTE})
"""What an ordinary user has: everything on sessions of their own."""

Action: TypeAlias = Literal["view", "edit", "delete", "view_messages"]

_OWN: Final[dict[Action, str]] = {
    "view": VIEW_OWN,
    "edit": EDIT_OWN,
    "delete": DELETE_OWN,
    "view_messages": VIEW_OWN_MESSAGES,
}
_ANY: Final[dict[Action, str]] = {
    "view": VIEW_ANY,
    "edit": EDIT_ANY,
    "delete": DELETE_ANY,
    "view_messages": VIEW_ANY_MESSAGES,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as a plain value that outlives the request.

    :param id: the identity; empty for somebody without one, who owns nothing.
    """

    id: str
    name: str
    permissions: frozenset[str] = OWN_PERMISSIONS

    @property
    def owner(self) -> Owner:
        """This principal as the owner of a session."""
        return Owner(id=self.id, name=self.name)


class Owned(Protocol):
    """Anything that belongs to somebody: a session, a snapshot, a trigger."""

    owner: Owner


def owns(principal: Principal, thing: Owned) -> bool:
    """Tell whether *principal* is the owner; empty ids never match (MEM-9)."""
    return bool(principal.id) and principal.id == thing.owner.id


def may(principal: Principal, action: Action, thing: Owned) -> bool:
    """Tell whether *principal* may do *action* to a session, or to what is owned like one."""
    held = principal.permissions
    if ADMINISTER in held or _ANY[action] in held:
        return True
    return _OWN[action] in held and owns(principal, thing)


def may_drive(principal: Principal, session: Owned) -> bool:
    """Tell whether *principal* may send turns to a session and stop its runs."""
    held = principal.permissions
    return ADMINISTER in held or (
        EXECUTE in held and may(principal, "view", session) and may(principal, "edit", session)
    )


def may_list(principal: Principal) -> bool:
    """Tell whether lists show *principal* any session at all."""
    return may_list_all(principal) or (VIEW_OWN in principal.permissions and bool(principal.id))


def may_list_all(principal: Principal) -> bool:
    """Tell whether lists show *principal* everybody's sessions (PLAY-5)."""
    return bool(principal.permissions & {ADMINISTER, VIEW_ANY})


def require(principal: Principal, action: Action, session: SessionRecord | None) -> SessionRecord:
    """Return *session* when *principal* may do *action* to it.

    :raises NotFound: when it does not exist or may not be seen.
    :raises Forbidden: when it may be seen, but not this.
    :raises Conflict: ``SESSION_WORKFLOW_MISSING`` when no workflow is attached to it (API-3).
    """
    if session is None or not may(principal, "view", session):
        raise NotFound("There is no such session.", code="SESSION_NOT_FOUND")
    if not may(principal, action, session):
        raise Forbidden("You may not do this with the session.", code="SESSION_FORBIDDEN")
    if not session.workflow_id:
        logger.warning("The session %s has no workflow attached to it.", session.id)
        raise Conflict("The session has no workflow.", code="SESSION_WORKFLOW_MISSING")
    return session


def may_confirm_publisher(principal: Principal) -> bool:
    """Tell whether *principal* may vouch for the publisher of a bundle that nobody trusts yet (STORE-9)."""
    return ADMINISTER in principal.permissions


def require_create(principal: Principal) -> None:
    """Check that *principal* may open sessions.

    :raises Forbidden: when it may not.
    """
    if not principal.permissions & {ADMINISTER, CREATE}:
        raise Forbidden("You may not open sessions.", code="SESSION_FORBIDDEN")


def require_drive(principal: Principal, session: SessionRecord | None) -> SessionRecord:
    """Return *session* when *principal* may send turns to it, stop it and answer its prompts.

    :raises NotFound: when it does not exist or may not be seen.
    :raises Forbidden: when it may be seen, but not driven.
    """
    found = require(principal, "view", session)
    if not may_drive(principal, found):
        raise Forbidden("You may look at this session, but not drive it.", code="SESSION_FORBIDDEN")
    return found


def require_launch(principal: Principal) -> None:
    """Check that *principal* may start runs by themselves, or have them started.

    :raises Forbidden: without the permissions to create sessions and to execute workflows.
    """
    require_create(principal)
    if not principal.permissions & {ADMINISTER, EXECUTE}:
        raise Forbidden("You may not run workflows.", code="RUN_FORBIDDEN")
