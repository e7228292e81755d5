"""Flightcheck's plugin for pytest, loaded with -p, so that no conftest.py has to know of it.

Carries `@pytest.mark.ml_test("data-7")` into JUnit as a property, keeps note of the test that is
running, and lets a run that is stopped at its limit still write the cases that ended.
"""

import os
import signal
import threading

import pytest

MARK = "ml_test"
RUNNING = os.environ.get("FLIGHTCHECK_TEST_RUNNING")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", MARK + "(id): the test of the ML Test Score that a case is evidence for, such as data-7"
    )
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        for mark in item.iter_markers(MARK):
            for value in (*mark.args, *mark.kwargs.values()):
                item.user_properties.append((MARK, str(value)))


def pytest_runtest_logstart(nodeid, location):
    if RUNNING:
        with open(RUNNING, "w", encoding="utf-8", errors="replace") as file:
            file.write(nodeid)


def pytest_sessionfinish(exitstatus):
    # A note that is left says that the run ended in the middle of that test.
    if RUNNING and exitstatus != pytest.ExitCode.INTERRUPTED and os.path.exists(RUNNING):
        os.remove(RUNNING)
