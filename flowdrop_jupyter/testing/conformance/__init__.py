"""The conformance suite: what every store has to do, as tests to inherit from."""

from .blobs import BlobConformance
from .log import LogConformance
from .memory import MemoryConformance
from .node_types import NodeTypeConformance
from .opening import OpeningConformance
from .pages import PageConformance
from .retention import RetentionConformance
from .runs import RunConformance
from .sessions import SessionConformance
from .transactions import TransactionConformance
from .workflows import WorkflowConformance

__all__ = ["StoreConformance"]


class StoreConformance(
    OpeningConformance,
    WorkflowConformance,
    NodeTypeConformance,
    SessionConformance,
    TransactionConformance,
    LogConformance,
    PageConformance,
    RunConformance,
    MemoryConformance,
    BlobConformance,
    RetentionConformance,
):
    """Everything the :class:`~flowdrop_jupyter.store.Store` protocol promises, as tests.

    Inherit from it, name the class ``Test…`` and give it ``new_store``.
    """
