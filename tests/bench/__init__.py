"""Benchmarks of the store, run by ``make bench``; not a part of the tests but for ``test_quick``."""
