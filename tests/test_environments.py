"""The scripts behind `make`: which Python is found, and when an environment is made anew.

The interpreters are stubs, so that the tests are the same wherever they run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / ".ci"
TOOLS = ("bash", "cat", "cp", "cut", "dirname", "echo", "mkdir", "rm", "sed", "touch", "xargs")

STUB = """#!/bin/sh
case "$*" in
*ensurepip*) [ "$4" = "{minor}" ] && echo "{path}" ;;
*base_prefix*) echo "{minor}.1|{path}" ;;
*_base_executable*) echo "{path}" ;;
"-m venv --clear "*)
  rm -rf "$4" && mkdir -p "$4/bin" && touch "$4/pyvenv.cfg" && cp "{path}" "$4/bin/python" ;;
"-m pip --version") ;;
*) echo "$*" >>"{log}" ;;
esac
"""

PATCHED = """#!/bin/sh
exec {python} -c '
import sys, sysconfig
code, sys.argv = sys.argv[3], ["-c", sys.argv[4]]
{patch}
exec(code)' "$@"
"""


class House:
    """A checkout with the scripts, two locks, and an empty home; nothing else is on the PATH."""

    def __init__(self, folder):
        self.folder, self.log = folder / "checkout", folder / "log"
        self.home, self.path = folder / "home", folder / "path"
        for made in (self.folder, self.home, self.path):
            made.mkdir()
        shutil.copytree(SCRIPTS, self.folder / ".ci")
        (self.folder / "pyproject.toml").touch()
        (self.folder / "requirements.lock").write_text("# Python: 3.97 3.96\njax==9.9\n")
        (self.folder / "requirements-py311.lock").write_text("# Python: 3.11\njax==9.8\n")
        for name in TOOLS:
            (self.path / name).symlink_to(shutil.which(name))

    def install(self, minor, name=None, folder=None):
        """A stub of a Python; what pip is asked for goes to the log."""
        file = (folder or self.path) / (name or f"python{minor}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(STUB.format(minor=minor, path=file, log=self.log))
        file.chmod(0o755)
        return file

    def run(self, script, *words):
        return subprocess.run(
            [shutil.which("bash"), self.folder / ".ci" / script, *words],
            env={"PATH": str(self.path), "HOME": str(self.home)},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def found(self, *versions):
        done = self.run("find-python", *versions)
        return done.stdout.strip() if done.returncode == 0 else None

    def environment(self, extras="test", python="", *versions):
        """What was said, and what pip was asked for."""
        self.log.unlink(missing_ok=True)
        done = self.run("environment", ".venv", extras, python, *versions)
        assert done.returncode == 0, done.stderr
        return done.stderr, self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_the_order_of_the_locks(house):
    assert house.found("3.97", "3.96", "3.95") is None
    old = house.install("3.11")
    assert house.found() == str(old)
    middle = house.install("3.96")
    house.install("3.98")  # no lock names it
    assert house.found() == str(middle)
    newest = house.install("3.97")
    assert house.found() == str(newest)
    assert house.found("3.96") == str(middle)


@pytest.mark.parametrize(
    "place",
    ["path/python3", "path/python", "home/.pyenv/versions/3.97.2/bin/python",
     "home/.local/share/uv/python/cpython-3.97.2-linux-x86_64-gnu/bin/python",
     "home/.local/share/uv/python/cpython-3.97-linux-x86_64-gnu/bin/python"],
)  # fmt: skip
def test_the_places(house, place):
    file = house.folder.parent / place
    file = house.install("3.97", file.name, file.parent)
    assert house.found() == str(file)
    assert house.found("3.9") is None


def test_a_name_that_does_not_run_is_passed_over(house):
    """As pyenv's shims of versions that are not switched on."""
    shim = house.install("3.97")
    shim.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    real = house.install("3.97", "python", house.home / ".pyenv/versions/3.97.0/bin")
    assert house.found() == str(real)


@pytest.mark.parametrize(
    ("patch", "suits"),
    [
        ("", True),
        ("sys.modules['ensurepip'] = None", False),
        ("sys.implementation.name = 'pypy'", False),
        ("sysconfig.get_config_var = {'Py_GIL_DISABLED': 1}.get", False),
        ("sys.version_info = type('V', (tuple,), {'releaselevel': 'rc'})(sys.version_info)", False),
    ],
    ids=["right", "no venv", "PyPy", "free-threaded", "pre-release"],
)
def test_what_suits(house, patch, suits):
    """This very Python, changed a little."""
    file = house.install("", "python3")
    file.write_text(PATCHED.format(python=sys.executable, patch=patch.replace("'", '"')))
    found = house.found(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert found == (sys._base_executable if suits else None)


def test_the_newest_is_taken_and_said_and_kept(house):
    python = house.install("3.97")
    said, asked = house.environment()
    wanted = f".venv has Python 3.97.1 ({python}) and the versions of requirements.lock"
    assert said == f"jaxcnn: {wanted}\n"
    assert asked == "-m pip install --quiet --constraint requirements.lock --editable .[test]\n"
    assert house.environment()[1] == ""
    assert house.environment("lint")[1].endswith(".[lint]\n")


def test_a_changed_lock_is_installed(house):
    house.install("3.97")
    house.environment()
    stamp = (house.folder / ".venv" / ".test").stat().st_mtime
    os.utime(house.folder / "requirements.lock", (stamp + 1, stamp + 1))
    assert "--constraint requirements.lock" in house.environment()[1]


def test_where_only_the_old_python_exists(house):
    house.install("3.11")
    said, asked = house.environment()
    assert "silently (jax issue 39103)" in said.splitlines()[0]
    assert "--constraint requirements-py311.lock" in asked


def test_an_environment_of_the_old_python_is_made_anew(house):
    """Where a newer one is there now; one that suits is kept, whatever newer ones come."""
    house.install("3.11")
    house.environment()
    house.install("3.96")
    said, asked = house.environment()
    assert "jaxcnn: .venv was made with Python 3.11.1, and is made anew\n" in said
    assert "--constraint requirements.lock" in asked
    house.install("3.97")
    said, asked = house.environment()
    assert ("3.96.1" in said, asked) == (True, "")


def test_the_users_python_always_wins(house):
    newest, old = house.install("3.97"), house.install("3.11")
    house.environment()
    said, asked = house.environment("test", str(old))
    assert f"Python 3.11.1 ({old})" in said
    assert "--constraint requirements-py311.lock" in asked
    assert house.environment("test", str(old))[1] == ""
    assert f"Python 3.97.1 ({newest})" in house.environment("test", str(newest))[0]
    # One that no lock names is the user's own choice.
    assert "3.98.1" in house.environment("test", str(house.install("3.98")))[0]


def test_an_environment_for_certain_versions(house):
    """As `make parity` asks for."""
    house.install("3.97")
    old = house.install("3.11")
    assert f"Python 3.11.1 ({old})" in house.environment("test,torch", "", "3.11")[0]
    assert house.environment("test,torch", "", "3.11")[1] == ""


def test_a_broken_environment_is_made_anew(house):
    house.install("3.97")
    house.environment()
    (house.folder / ".venv/bin/python").unlink()
    assert "--editable .[test]" in house.environment()[1]


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("", "no Python was found that suits (3.97 or 3.96 or 3.11, with venv): make PYTHON="),
        ("/no/python", "PYTHON=/no/python is not a Python that runs"),
        ("python3.10", "jaxcnn needs Python 3.11 or newer, and "),
    ],
)
def test_no_python(house, python, message):
    house.install("3.10")
    done = house.run("environment", ".venv", "test", python)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"jaxcnn: {message}")
    assert len(done.stderr.splitlines()) == 1
    assert not (house.folder / ".venv").exists()


def test_another_folder_is_left_alone(house):
    house.install("3.97")
    (house.folder / ".venv").mkdir()
    (house.folder / ".venv" / "thesis.txt").touch()
    done = house.run("environment", ".venv", "test", "")
    assert done.returncode == 2
    assert done.stderr == "jaxcnn: .venv is not a virtual environment, and is left as it is\n"
    assert (house.folder / ".venv" / "thesis.txt").exists()


def test_the_makefile_names_tests_that_exist():
    named = re.findall(r"tests/[\w/]+\.py", (Path(__file__).parents[1] / "Makefile").read_text())
    assert named
    assert [name for name in named if not (Path(__file__).parents[1] / name).exists()] == []
