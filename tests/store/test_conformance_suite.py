"""The public suite finds what a store does wrong, with nothing but what its page tells."""

from pathlib import Path

import pytest

pytest_plugins = "pytester"

PAGE = Path(__file__).parents[2] / "docs" / "testing-a-store.md"

FORGETS = """
    async def close(self):
        await super().close()
        self.__init__(clock=self._clock)
"""
REVERSES = """
    async def events(self, session_id, *, after=0, limit=None):
        return list(reversed(await super().events(session_id, after=after, limit=limit)))
"""
HOARDS = """
    async def collect_garbage(self, *, grace_seconds=3600.0):
        return {}
"""
MODULE = """
from contextlib import asynccontextmanager
import pytest
from flowdrop_jupyter.store import MemoryStore
from flowdrop_jupyter.testing import StoreConformance

class Broken(MemoryStore):
{}

class TestBroken(StoreConformance):
    @pytest.fixture
    def anyio_backend(self):
        return "asyncio"

    @asynccontextmanager
    async def new_store(self, clock):
        yield Broken(clock=clock)
"""


@pytest.fixture(autouse=True)
def anyio_backend() -> str:
    """The runs inside choose for themselves."""
    return "asyncio"


@pytest.mark.parametrize(
    ("flaw", "finding"),
    [
        (FORGETS, "test_everything_is_there_after_reopening"),
        (REVERSES, "test_events_above_a_seq"),
        (HOARDS, "test_what_nothing_refers_to_any_more_is_removed"),
    ],
    ids=["forgets", "reverses", "hoards"],
)
def test_a_broken_store_fails(pytester: pytest.Pytester, flaw: str, finding: str) -> None:
    pytester.makepyfile(MODULE.format(flaw))
    result = pytester.runpytest_inprocess("-q", "-k", f"{finding} or test_closing_twice_is_fine")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] >= 1
    assert outcomes["passed"] >= 1
    result.stdout.fnmatch_lines([f"FAILED *{finding}*"])


def test_the_example_in_the_documentation_works(pytester: pytest.Pytester) -> None:
    example = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    pytester.makepyfile(
        example.replace("from my_store import MyStore", "").replace("MyStore(", "MemoryStore(")
    )
    pytester.makeconftest(
        "import builtins\nfrom flowdrop_jupyter.store import MemoryStore\nbuiltins.MemoryStore = MemoryStore"
    )
    outcomes = pytester.runpytest_inprocess("-q", "-k", "asyncio").parseoutcomes()
    assert set(outcomes) <= {"passed", "deselected", "warnings"}
    assert outcomes["passed"] > 100
