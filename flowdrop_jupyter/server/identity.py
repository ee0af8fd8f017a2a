"""From Jupyter's authenticated user to the principal that FlowDrop asks about.

Under the default token or password login every request carries a random user, so that a kernel and
the browser beside it would be strangers. All of them are the one local owner there; names count
only where the identity provider is a real one, such as JupyterHub's.
"""

from __future__ import annotations

import getpass
from typing import Final, Literal, TypeAlias

from jupyter_server.auth import IdentityProvider, User
from jupyter_server.auth.identity import PasswordIdentityProvider

from ..sessions import ALL_PERMISSIONS, OWN_PERMISSIONS, Principal

OwnerPolicy: TypeAlias = Literal["auto", "local", "username"]

LOCAL_OWNER_ID: Final = "local"
_ANONYMOUS_PROVIDERS: Final = (IdentityProvider, PasswordIdentityProvider)


def is_single_user(provider: IdentityProvider, policy: OwnerPolicy) -> bool:
    """Tell whether all authenticated callers are one person."""
    if policy != "auto":
        return policy == "local"
    return type(provider) in _ANONYMOUS_PROVIDERS


def principal_of(user: User, provider: IdentityProvider, policy: OwnerPolicy) -> Principal:
    """Return the principal that an authenticated *user* acts as."""
    if is_single_user(provider, policy):
        return Principal(LOCAL_OWNER_ID, _local_name(), ALL_PERMISSIONS)
    return Principal(user.username, user.display_name or user.name or user.username, OWN_PERMISSIONS)


def _local_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "Local user"
