"""Counts the lines of code that a gradient of `conv2d` and a training run go through.

``python -m benchmarks.reading`` runs both and prints their counts; ``--files`` adds each file's
own. The training run has two counts: all lines of the functions, and their lines of code, without
docstrings, comments and blank lines.
Run it in a process of its own: what JAX has traced before is not entered again. A C++ file counts
where a line of it is run.
"""

import argparse
import ast
import collections
import contextlib
import inspect
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import tokenize
from collections.abc import Callable, Iterable, Mapping
from types import CodeType, FrameType
from typing import Any

import jax
import jax.numpy as jnp

import jaxcnn as jc
from jaxcnn.cli import main as command

PACKAGE = pathlib.Path(jc.__file__).parent
NATIVE = PACKAGE / "engine" / "native"
CONVOLUTION_ROOMS = ("engine", "ops")
"""The rooms whose files are counted for a convolution."""

OTHER_ROOMS = ("data", "engine", "layers", "ops")
"""The rooms that are not counted for a training run."""

CONVOLUTION_AIM, TRAINING_AIM = 1500, 1200

Counts = dict[pathlib.Path, int]
"""The number of counted lines of each file."""

Lines = dict[pathlib.Path, set[int]]
"""The numbers of some lines of each file, from 1."""

_NO_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
)
"""The tokens that make no line one of code."""


def functions_entered(folder: pathlib.Path, work: Callable[[], object]) -> set[CodeType]:
    """Run ``work``, and find the Python functions that it enters, in all threads that it starts.

    Args:
        folder: only functions of files below this folder are found.
        work: a function without arguments.

    Returns:
        The code of each function, lambda and comprehension; not that of modules and classes.
    """
    found: set[CodeType] = set()
    below = f"{folder}{os.sep}"

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if code.co_filename.startswith(below) and code.co_flags & inspect.CO_OPTIMIZED:
            found.add(code)

    old, old_of_threads = sys.gettrace(), threading.gettrace()
    threading.settrace(note)
    sys.settrace(note)
    try:
        work()
    finally:
        sys.settrace(old)
        threading.settrace(old_of_threads)  # type: ignore[arg-type]
    return found


def lines_of_functions(functions: Iterable[CodeType]) -> Lines:
    """The lines of functions, including decorators, docstrings, comments and blank lines.

    The functions within a function belong to it, whether they are entered or not.
    """
    lines: Lines = {}
    for code in functions:
        own = range(code.co_firstlineno, _last_line(code) + 1)
        lines.setdefault(pathlib.Path(code.co_filename), set()).update(own)
    return lines


def code_lines(text: str) -> set[int]:
    """The lines of a Python program that have code on them.

    Docstrings, comments and blank lines are none; a closing bracket, and each line of any other
    string, is one.
    """
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = {
        number
        for token in tokens
        if token.type not in _NO_CODE
        for number in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and _is_text(node.value):
            found -= {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return found


def only_code(lines: Lines) -> Lines:
    """Those of some lines that have code on them."""
    return {file: numbers & code_lines(file.read_text()) for file, numbers in lines.items()}


def counted(lines: Lines) -> Counts:
    """How many lines of each file there are."""
    return {file: len(numbers) for file, numbers in lines.items()}


def lines_of_files(files: Iterable[pathlib.Path]) -> Counts:
    """Count all lines of each file."""
    return {file: len(file.read_text().splitlines()) for file in files}


def in_rooms(counts: Counts, package: pathlib.Path, rooms: Iterable[str]) -> Counts:
    """The counts of the files in some folders of a package."""
    return {f: n for f, n in counts.items() if f.relative_to(package).parts[0] in rooms}


def native_files(program: str, before: str) -> set[pathlib.Path]:
    """The C++ files of which a Python program runs a line.

    The C++ code is compiled anew, with a counter in each line; ``g++`` and ``gcov`` are needed.

    Args:
        program: the text of the program.
        before: the text of a program that does what does not count, such as to load the library.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder)
        compiler = made / "counting"
        compiler.write_text(f'#!/bin/sh\nexec g++ "$@" -O0 --coverage -dumpdir {made}/\n')
        compiler.chmod(0o700)
        first, second = (_lines_run(text, compiler) for text in (before, program))
    return {NATIVE / file for file, n in second.items() if n > first[file]} & {*NATIVE.iterdir()}


def lines_run(report: Mapping[str, Any]) -> collections.Counter[str]:
    """How many times the lines of each file were run, as a report of ``gcov`` says."""
    files: collections.Counter[str] = collections.Counter()
    for file in report["files"]:
        files[file["file"]] += sum(line["count"] for line in file["lines"])
    return files


def _lines_run(program: str, compiler: pathlib.Path) -> collections.Counter[str]:
    made = compiler.parent
    own = {"CXX": str(compiler), "JAXCNN_CACHE_DIR": f"{made}/cache", "JAXCNN_NATIVE": "1"}
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **own}, check=True)
    (counts,) = made.glob("*.gcda")
    words = ["gcov", "--json-format", "--stdout", counts.name]
    report = subprocess.run(words, cwd=made, capture_output=True, check=True).stdout
    counts.unlink()  # the next program would add its own
    return lines_run(json.loads(report))


def gradient_of_convolution() -> None:
    """Compute the gradient of a `conv2d` in both of its operands: traced, lowered and run."""

    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return (jc.conv2d(x, kernel) ** 2).sum()

    x, kernel = jnp.ones((2, 8, 8, 16)), jnp.ones((3, 3, 16, 32))
    jax.block_until_ready(jax.jit(jax.grad(loss, (0, 1)))(x, kernel))


def convolution_files() -> Counts:
    """The lines of the files that a gradient of `conv2d` enters: traced, lowered and run.

    The C++ library is compiled and loaded before, and the file of `jaxcnn.engine.tune` is read, as
    once in each process; these files do not count.
    """
    jc.engine.identity("cpu")
    functions = functions_entered(PACKAGE, gradient_of_convolution)
    python = lines_of_files({pathlib.Path(code.co_filename) for code in functions})
    program = "import benchmarks.reading as reading; reading.gradient_of_convolution()"
    load = "import jax, jaxcnn; jaxcnn.engine.identity('cpu'); jax.devices()"
    native = lines_of_files(native_files(program, load))
    return in_rooms({**python, **native}, PACKAGE, CONVOLUTION_ROOMS)


def training_functions() -> Lines:
    """The lines of the functions that ``jaxcnn train`` enters on the digits, in one epoch."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "--dataset", "digits", "--epochs", "1", "--run-dir", f"{folder}/run"]
        with contextlib.redirect_stdout(io.StringIO()):
            functions = functions_entered(PACKAGE, lambda: command(words))
    lines = lines_of_functions(functions)
    others = in_rooms(counted(lines), PACKAGE, OTHER_ROOMS)
    return {file: numbers for file, numbers in lines.items() if file not in others}


def table(title: str, counts: Mapping[pathlib.Path, int], aim: int | None, *, files: bool) -> str:
    """A count as text, with its aim if it has one, optionally with a line for each file."""
    aimed = "" if aim is None else f" (aim: {aim:,} lines)"
    total = f"{title}: {sum(counts.values()):,} lines in {len(counts)} files{aimed}"
    own = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = [f"{n:8,}  {file.relative_to(PACKAGE.parent)}" for file, n in own]
    return "\n".join([total, *(listed if files else [])])


def main() -> None:
    """Print the counts of both."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", action="store_true", help="a line for each file as well")
    files = parser.parse_args().files
    title = "a gradient of conv2d, whole files of engine and ops"
    counts = convolution_files()
    print(table(title, counts, CONVOLUTION_AIM, files=files))
    native = sum(n for file, n in counts.items() if file.is_relative_to(NATIVE))
    print(
        f"  of these {sum(counts.values()) - native:,} in Python and {native:,} in C++", flush=True
    )
    lines = training_functions()
    title = f"one jaxcnn train, functions outside of {', '.join(OTHER_ROOMS)}"
    print(table(f"{title}, all lines", counted(lines), None, files=False))
    code = counted(only_code(lines))
    print(table(f"{title}, lines of code", code, TRAINING_AIM, files=files))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _last_line(code: CodeType) -> int:
    """The last line of a function, with the functions inside it."""
    own = [end for _, end, _, _ in code.co_positions() if end is not None]
    inner = [_last_line(const) for const in code.co_consts if isinstance(const, CodeType)]
    return max(own + inner)


if __name__ == "__main__":
    main()
