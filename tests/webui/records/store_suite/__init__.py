"""The tests that every record store must pass: one suite, run on each of them.

A subclass uses it; its module (or conftest) has a fixture `record_store` that returns an empty
store, whose writes other threads can see:

    class TestMyStore(StoreSuite):
        pass
"""

from tests.webui.records.store_suite.events import EventSuite
from tests.webui.records.store_suite.filters import FilterSuite
from tests.webui.records.store_suite.pages import PageSuite
from tests.webui.records.store_suite.scans import ScanSuite


class StoreSuite(EventSuite, PageSuite, FilterSuite, ScanSuite):
    """Inherited by a test class for each store."""
