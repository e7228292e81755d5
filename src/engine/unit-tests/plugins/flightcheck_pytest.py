"""Flightcheck's plugin for pytest, loaded with -p, so that no conftest.py has to know of it.

Carries `@pytest.mark.ml_test("data-7")` into JUnit as a property, says of a marked test that it asserts
nothing, keeps note of the test that is running, and lets a run that is stopped at its limit still write
the cases that ended.
"""

import ast
import inspect
import os
import re
import signal
import textwrap
import threading

import pytest

MARK = "ml_test"
HOLLOW = "ml_test_asserts"
RUNNING = os.environ.get("FLIGHTCHECK_TEST_RUNNING")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", MARK + "(id): the test of the ML Test Score that a case is evidence for, such as data-7"
    )
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


WORDS = re.compile("assert|raises|warns|fail|expect|verif|check|valid|should|ensure|must", re.IGNORECASE)


def is_inside(path, folder):
    return os.path.abspath(path).startswith(os.path.abspath(folder) + os.sep)


def may_assert(function, owner, folder, seen):
    """False where nothing in the code can make the test fail but an error; what cannot be read may assert."""
    function = inspect.unwrap(getattr(getattr(function, "hypothesis", None), "inner_test", function))
    if function in seen:
        return False
    seen.add(function)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        parameters = set(inspect.signature(function).parameters)
    except (OSError, TypeError, ValueError, SyntaxError):
        return True
    called = []
    known = getattr(function, "__globals__", {})
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Assert):
            # Of constants alone it says nothing.
            if any(isinstance(part, (ast.Name, ast.Call, ast.Attribute)) for part in ast.walk(node.test)):
                return True
        elif isinstance(node, (ast.Name, ast.Attribute)):
            if WORDS.search(node.id if isinstance(node, ast.Name) else node.attr):
                return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in parameters:
                return True
            called.append(known.get(node.func.id))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called.append(getattr(owner, node.func.attr, None))
            if isinstance(node.func.value, ast.Name):
                called.append(getattr(known.get(node.func.value.id), node.func.attr, None))
    # What stands beside the tests is theirs; the code that they test is not.
    helpers = [each for each in called if inspect.isfunction(each) and is_inside(each.__code__.co_filename, folder)]
    return any(may_assert(each, owner, folder, seen) for each in helpers)


def is_hollow(item):
    function = getattr(item, "function", None)
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function):
        return False
    return not may_assert(function, getattr(item, "cls", None), os.path.dirname(str(item.fspath)), set())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        marks = [str(value) for mark in item.iter_markers(MARK) for value in (*mark.args, *mark.kwargs.values())]
        item.user_properties.extend((MARK, value) for value in marks)
        if marks and is_hollow(item):
            item.user_properties.append((HOLLOW, "nothing"))


def pytest_runtest_logstart(nodeid, location):
    if RUNNING:
        with open(RUNNING, "w", encoding="utf-8", errors="replace") as file:
            file.write(nodeid)


def pytest_sessionfinish(exitstatus):
    # A note that is left says that the run ended in the middle of that test.
    if RUNNING and exitstatus != pytest.ExitCode.INTERRUPTED and os.path.exists(RUNNING):
        os.remove(RUNNING)
