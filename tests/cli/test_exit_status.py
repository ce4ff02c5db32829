"""What ends a command before its end: one sentence and a status, without a traceback."""

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import jaxcnn
from jaxcnn.cli import main
from jaxcnn.cli.exit_status import errors_in_one_sentence


def command(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "jaxcnn", *words],
        stderr=subprocess.PIPE, text=True, timeout=120, **options,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("words", [["experiments"], ["--version"]])
def test_a_full_disk_behind_the_output(words):
    with open("/dev/full", "w") as full:
        done = command(*words, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "jaxcnn: the output cannot be written: No space left on device\n"


@pytest.mark.slow
def test_a_platform_without_its_plugin():
    done = command("check", "pad", env=os.environ | {"JAX_PLATFORMS": "cuda"})
    assert done.returncode == 2
    assert done.stderr.startswith("jaxcnn: the platform in JAX_PLATFORMS is not available")


@pytest.mark.parametrize(
    "words",
    [["-m", "jaxcnn"], ["-c", "import jaxcnn.__main__ as entry; entry.main()"]],
    ids=["module", "script"],
)
def test_ctrl_c_while_the_command_is_imported(words, tmp_path):
    """``jax`` here is a module that never ends, so the command is not past its imports."""
    (tmp_path / "jax.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    with subprocess.Popen(
        [sys.executable, *words, "experiments"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=120)[1] == "jaxcnn: interrupted\n"
    assert process.returncode == 130


def test_the_script_is_what_was_tried_above():
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert settings["project"]["scripts"] == {"jaxcnn": "jaxcnn.__main__:main"}


@pytest.mark.parametrize("resumable", [True, False])
def test_only_a_run_goes_on(resumable, monkeypatch, capsys):
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit), errors_in_one_sentence(resumable=resumable):
        raise KeyboardInterrupt
    assert ("--resume" in capsys.readouterr().err) == resumable


def test_the_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"jaxcnn {jaxcnn.__version__}\n"


@pytest.mark.slow
def test_a_terminal_that_shows_no_utf_8():
    """tyro's boxes have no borders there."""
    done = subprocess.run(
        [sys.executable, "-m", "jaxcnn", "train", "--epohcs", "3"],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2, "jaxcnn: unknown option --epohcs, did you mean --epochs? (--help lists them)\n"
    )  # fmt: skip
