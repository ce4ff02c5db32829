"""Lines that are counted in a tiny package: of functions, of files, and of C++ files."""

import importlib
import sys
import textwrap

import pytest

from benchmarks import reading

MODULE = '''
import threading


def logged(function):
    """A decorator."""
    return function


@logged
def outer(n):
    def inner(m):
        return m + 1

    return inner(
        n
    )


def in_thread():
    thread = threading.Thread(target=lambda: other(1))
    thread.start()
    thread.join()


def other(n):
    return [n for n in range(n)]


class Pair:
    first = 1

    def second(self):
        return 2


def never():
    return outer(3)
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "tinypackage"
    for room in ("one", "two"):
        (folder / room).mkdir(parents=True)
        (folder / room / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("")
    (folder / "one" / "module.py").write_text(textwrap.dedent(MODULE))
    (folder / "two" / "unused.py").write_text("def unused():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("tinypackage")]:
        del sys.modules[name]


@pytest.fixture
def module(package):
    return importlib.import_module("tinypackage.one.module")


def entered(package, work):
    return {code.co_name for code in reading.functions_entered(package, work)}


def test_functions_that_are_called_are_entered(package, module):
    assert entered(package, lambda: module.outer(1)) == {"outer", "inner"}
    assert entered(package, lambda: module.Pair().second()) == {"second"}
    assert entered(package, lambda: None) == set()


def test_functions_of_other_threads_are_entered(package, module):
    assert {"in_thread", "<lambda>", "other"} <= entered(package, module.in_thread)


def test_modules_and_classes_are_no_functions(package):
    """An import runs the module and the bodies of its classes, and enters the decorator alone."""
    work = lambda: importlib.import_module("tinypackage.one.module")  # noqa: E731
    assert entered(package, work) == {"logged"}


def test_the_tracer_of_before_is_put_back(package, module):
    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError):
        reading.functions_entered(package, lambda: 1 / 0)
    assert sys.gettrace() is before


def test_each_line_of_a_function_counts_once(package, module):
    """From the decorator to the closing bracket; the inner function lies within."""
    file = package / "one" / "module.py"
    functions = reading.functions_entered(package, lambda: module.outer(1))
    assert reading.counted(reading.lines_of_functions(functions)) == {file: 8}
    functions |= reading.functions_entered(package, lambda: module.other(1))
    assert reading.counted(reading.lines_of_functions(functions)) == {file: 8 + 2}


PROGRAM = '''
"""A docstring
of two lines."""

import os  # a comment beside code

LIMIT = 3
"""A description of a constant."""


class Pair:
    """One line."""

    def first(self):
        """Two lines.

        With a blank line between them.
        """
        # A comment.

        text = """A string
        that is no docstring."""
        return (
            text  # the same

        )
'''

CODE = ("import", "LIMIT", "class", "def", "text =", "that is no", "return", "text  #", ")")


def test_docstrings_comments_and_blank_lines_are_no_code():
    lines = PROGRAM.splitlines()
    found = [lines[number - 1].strip() for number in sorted(reading.code_lines(PROGRAM))]
    assert len(found) == len(CODE)
    assert all(line.startswith(begin) for line, begin in zip(found, CODE, strict=True))


def test_lines_of_code_are_those_of_the_functions_alone(package, module):
    """Of the eight lines of `outer`, the blank one is no code."""
    file = package / "one" / "module.py"
    lines = reading.lines_of_functions(reading.functions_entered(package, lambda: module.outer(1)))
    assert reading.counted(reading.only_code(lines)) == {file: 7}


def test_files_count_as_a_whole_and_by_room(package):
    files = [package / "one" / "module.py", package / "two" / "unused.py"]
    counts = reading.lines_of_files(files)
    assert counts == {files[0]: MODULE.count("\n"), files[1]: 2}
    assert reading.in_rooms(counts, package, ["two"]) == {files[1]: 2}


def test_lines_that_ran_are_counted_by_file():
    lines = {"run.h": [0, 2, 3], "included.h": [0, 0], "types.h": []}
    report = [
        {"file": file, "lines": [{"line_number": i, "count": n} for i, n in enumerate(counts)]}
        for file, counts in lines.items()
    ]
    assert reading.lines_run({"files": report}) == {"run.h": 5, "included.h": 0, "types.h": 0}


def test_table_names_the_files_where_they_are_asked_for():
    counts = {
        reading.PACKAGE / "ops" / "few.py": 10,
        reading.PACKAGE / "ops" / "many.py": 1234,
    }
    total = "a count: 1,244 lines in 2 files (aim: 1,500 lines)"
    assert reading.table("a count", counts, 1500, files=False) == total
    assert reading.table("a count", counts, None, files=False) == total.partition(" (aim")[0]
    first, *others = reading.table("a count", counts, 1500, files=True).splitlines()
    assert first == total
    assert [line.split() for line in others] == [
        ["1,234", "jaxcnn/ops/many.py"],
        ["10", "jaxcnn/ops/few.py"],
    ]
