"""Run folders from strangers: nothing in them is waited for or believed."""

import dataclasses
import json
import shutil
import tracemalloc

import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from jaxcnn.cli import main
from jaxcnn.report.reported_runs import read_runs
from jaxcnn.runs import RunFolder, TrainConfig, UserError, load_trained, read_config, run
from jaxcnn.runs.digests import json_sha256
from jaxcnn.runs.layout import check_stored, layout
from jaxcnn.runs.log import say, warn
from jaxcnn.runs.metrics_file import read_metrics
from jaxcnn.runs.outcomes import read_outcome
from jaxcnn.runs.resume import check_position, check_same_data, check_same_engine, history
from jaxcnn.runs.writers import WandB
from jaxcnn.training import Moment, Totals, TrainState
from tests.patience import within

DEEP = "[" * 100_000
LONG = "1" * 5000


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the run, to be damaged."""
    shutil.copytree(finished.folder.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def put(file, **changes):
    """Change the top of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def readers(folder):
    """Everything that reads config.json."""
    yield lambda: read_config(folder)
    yield lambda: load_trained(folder)
    yield lambda: check_same_data(folder.config, {"data": {}})
    yield lambda: check_same_engine(folder.config, accept=True)
    yield lambda: history(folder.config, at(2, 0, 1), 1, ["cpu: cpu"])
    yield lambda: read_runs([folder.path])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"versions": 7}, "versions must be a table of at most 100 values, got 7"),
        ({"versions": ["jax"]}, r"versions must be a table of at most 100 values, got \['jax'\]"),
        ({"versions": {"jax": 3}}, r"versions\.jax must be text of .+, got 3"),
        ({"data": []}, r"data must be a table, got \[\]"),
        ({"data": {"train_images": "x"}}, r"data\.train_images must be a whole number .+, got 'x'"),
        ({"data": {"class_names": {"a": 1}}}, r"data\.class_names must be a list of .+"),
        ({"data": {"image_shape": [28, 28, 10**12]}}, r"data\.image_shape\[2\] must be .+"),
        ({"transform": {"size": [1, 2, 3]}}, r"transform\.size must be a list of 2 values, .+"),
        ({"transform": "x"}, "transform must be a table, got 'x'"),
        ({"engine": 3}, "engine must be a table of at most 100 values, got 3"),
        ({"engine": {"name": None}}, r"engine\.name must be text of .+, got None"),
        ({"devices": "cpu"}, "devices must be a list of 0 to 100,000 values, got 'cpu'"),
        ({"engine_changes": [{"step": "x"}]}, r"engine_changes\[0\]\.\w+ .+"),
        ({"resumed": 3}, "resumed must be a list of .+, got 3"),
        ({"started": 3}, "started must be text of at most 100 characters, got 3"),
        ({"parameters": []}, r"parameters must be text of .+, got \[\]"),
        ({"config": []}, r"config must be a table of at most 200 values, got \[\]"),
    ],
    ids=str,
)
def test_values_of_another_type_in_the_config(folder, changes, message):
    put(folder.config, **changes)
    for read in readers(folder):
        with pytest.raises(UserError, match=rf"^\S+config\.json is damaged: {message}$"):
            read()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DEEP, "is damaged: it is nested more than 40 deep"),
        ('{"config": ' + DEEP, "is damaged: it is nested more than 40 deep"),
        ('{"config": {"lr": ' + LONG + "}}", "is damaged: a number of it has 5,000 digits, expected fewer"),
        ('{"config": {"lr": NaN}}', "is damaged: NaN is no number in JSON"),
        ('{"config": {}, "config": {}}', "is damaged: the key 'config' is given twice"),
        (" " * (2**23 + 1), "cannot be read: it has 8,388,609 bytes, expected at most 8,388,608"),
        ("\udcff", "is damaged: it is no text, byte 0 is not UTF-8"),
    ],
    ids=range(7),
)  # fmt: skip
def test_json_that_asks_for_too_much(folder, text, message):
    folder.config.write_bytes(text.encode(errors="surrogateescape"))
    for read in readers(folder):
        with pytest.raises(UserError, match=rf"^\S+config\.json {message}$"), within(10):
            read()


def test_settings_of_absurd_sizes(folder):
    content = json.loads(folder.config.read_text())
    for name, value in (
        ("epochs", 10**99),
        ("lr", 10**400),
        ("model", "x" * 10**6),
        ("x" * 10**6, 1),
    ):
        put(folder.config, config=content["config"] | {name: value})
        with pytest.raises(UserError, match="is damaged") as caught, within(10):
            read_config(folder)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (DEEP, "line 2: it is nested more than 40 deep"),
        (f'{{"epoch": {LONG}}}', "line 2: a number of it has 5,000 digits, expected fewer"),
        (f'{{"epoch": {"1" * 4000}}}', "line 2: a number of it has 4,000 digits, expected fewer"),
        ('{"epoch": 1000000000000}', "line 2: .+ is missing|line 2: epoch must be .+"),
    ],
    ids=["deep", "long", "integer", "epoch"],
)
def test_lines_that_ask_for_too_much(folder, line, message):
    folder.metrics.write_text(folder.metrics.read_text() + line + "\n")
    with pytest.raises(UserError, match=rf"metrics\.jsonl is damaged: ({message})$"), within(10):
        list(read_metrics(folder))
    with within(10):
        (record,) = read_runs([folder.path])
    wanted = [] if "10000" in line else ["metrics.jsonl is damaged: line 2 cannot be read."]
    assert record.troubles == wanted


def header_of(folder):
    (header,) = folder.checkpoints.glob("*/header/metadata")
    return header


def forge(folder, **changes):
    """A header of other content, with the digest that belongs to it."""
    header = header_of(folder)
    content = json.loads(header.read_text())["content"] | changes
    header.write_text(json.dumps({"content": content, "sha256": json_sha256(content)}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": "x"}, r"content\.epoch must be a whole number from 1 to 2,147,483,648, got 'x'"),
        ({"epoch": None}, r"content\.epoch must be a whole number .+, got None"),
        ({"batch": 10**12}, r"content\.batch must be a whole number .+, got 1000000000000"),
        ({"batch": 0.5}, r"content\.batch must be a whole number .+, got 0\.5"),
        ({"metrics": [1]}, r"content\.metrics must be a table of .+, got \[1\]"),
        (
            {"metrics": {"test_accuracy": "x"}},
            r"content\.metrics\.test_accuracy must be a number.+",
        ),
        ({"arrays": {"a": 1}}, r"content\.arrays must be a list of .+"),
        ({"arrays": [1]}, r"content\.arrays\[0\] must be text of .+, got 1"),
        ({"keys": 3}, r"content\.keys must be a table of .+, got 3"),
        ({"format": 2}, r"content\.format must be one of 1, got 2"),
        ({"step": True}, r"content\.step must be a whole number .+, got True"),
        ({"more": 1}, r"content\.more is unknown"),
    ],
    ids=str,
)
@pytest.mark.parametrize("best", [False, True])
def test_headers_of_another_kind(folder, changes, message, best):
    forge(folder, **changes)
    with pytest.raises(UserError, match=rf"is whole; damaged: \d+ \(\S+ is damaged: {message}\)$"):
        load_trained(folder, best=best)


@pytest.mark.parametrize("text", [DEEP, LONG, "[]", "{}", '{"content": 1, "sha256": "x"}'])
def test_headers_that_ask_for_too_much(folder, text):
    header_of(folder).write_text(text)
    with pytest.raises(UserError, match="is whole; damaged: "), within(20):
        load_trained(folder)


def test_arrays_of_another_step(folder):
    (step,) = folder.checkpoints.iterdir()
    step.rename(folder.checkpoints / "77")
    forge(folder, step=77)
    with pytest.raises(UserError, match=rf"damaged: 77 \(its arrays are of step {step.name}\)$"):
        load_trained(folder)


def at(epoch, batch, step):
    return Moment(TrainState({}, {}, (), jnp.int32(step)), Totals.zero(), epoch, batch)


@pytest.mark.parametrize(
    "place", [(2, 8, 14), (2, 10**9, 7), (3, 0, 7), (1, 0, 7), (10**9, 0, 7)], ids=str
)
def test_positions_where_no_run_has_been(place, tmp_path):
    moment = at(*place)
    with pytest.raises(
        UserError, match=r"says that it is of epoch .+, but an epoch has 7 batches$"
    ):
        check_position(tmp_path, moment, 7)
    for good in (at(1, 0, 0), at(1, 7, 7), at(2, 0, 7), at(2, 6, 13)):
        check_position(tmp_path, good, 7)


def test_a_resumed_run_checks_its_position(folder, tiny):
    config = dataclasses.replace(
        read_config(folder), data_dir=tiny, epochs=2, run_dir=folder.path, resume=True
    )
    forge(folder, batch=10**6)
    with pytest.raises(
        UserError, match=r"says that it is of epoch 2, batch 1,000,000, but an epoch"
    ):
        run(config)


@pytest.mark.slow
def test_a_config_that_asks_for_more_than_is_stored(folder):
    """Images of 8,000 × 8,000 would make a network of gigabytes."""
    content = json.loads(folder.config.read_text())
    put(folder.config, data=content["data"] | {"image_shape": [8000, 8000, 1]})
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="is of another model: it has "), within(60):
            load_trained(folder)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def stored(folder, arrays):
    with ocp.StandardCheckpointer() as orbax:
        orbax.save(folder, arrays)
    return folder


def test_arrays_that_need_more_memory_than_disk(tmp_path):
    folder = stored(tmp_path / "state", {"a": np.zeros(3)})
    check_stored(folder, ["a float64 [3]"])
    for other in (["a float64 [4]"], ["a float32 [3]"], ["b float64 [3]"], []):
        with pytest.raises(ValueError, match="^its arrays are not those that its header names$"):
            check_stored(folder, other)
    zeros = stored(tmp_path / "zeros", {"a": np.zeros(2**24)})
    with pytest.raises(ValueError, match=r"^its arrays need 134,217,728 bytes of memory, but its "):
        check_stored(zeros, ["a float64 [16777216]"])


def test_names_of_arrays_command_no_terminal(folder, capsys):
    forge(folder, arrays=["state/params/\x1b[2J float32 [3]"])
    with pytest.raises(UserError, match=r"it has state/params/\\x1b\[2J float32 \[3\], expected"):
        load_trained(folder)
    warn("\x1b[2J\nand more")
    say("\x1b[2J\nand more")
    said = capsys.readouterr()
    assert said.err == "jaxcnn: warning: \\x1b[2J\\nand more\n"
    assert said.out == "\\x1b[2J\nand more\n"


def test_a_path_commands_no_terminal(folder, tmp_path, capsys):
    folder.path.rename(tmp_path / "\x1b[2Jrun")
    (tmp_path / "\x1b[2Jrun" / "config.json").unlink()
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(tmp_path / "\x1b[2Jrun"), "x.png"])
    said = capsys.readouterr()
    assert caught.value.code == 2
    assert said.err.startswith("jaxcnn: ")
    assert "\\x1b[2Jrun holds no run" in said.err
    assert "\x1b" not in said.err + said.out


def test_what_a_header_says_is_what_is_stored(folder):
    """So that the comparison of layouts means something."""
    trained = load_trained(folder)
    arrays = json.loads(header_of(folder).read_text())["content"]["arrays"]
    params = layout({"state": {"params": trained.params}})
    assert set(params) < set(arrays)


MEMBER = {"seed": 0, "lr": 0.1, "diverged": None, "rows": [{"epoch": 1, "test_loss": None}]}
SWEEP = {"config": {}, "epochs": 1, "seconds": 1.5, "members": [MEMBER]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": "x"}, "epochs must be a whole number .+, got 'x'"),
        ({"epochs": None}, "epochs must be a whole number .+, got None"),
        ({"seconds": "x"}, "seconds must be a number, got 'x'"),
        ({"members": {}}, r"members must be a list of .+, got \{\}"),
        ({"members": [3]}, r"members\[0\] must be a table, got 3"),
        ({"members": [MEMBER | {"lr": "x"}]}, r"members\[0\]\.lr must be a number, got 'x'"),
        ({"members": [MEMBER | {"rows": 3}]}, r"members\[0\]\.rows must be a list of .+, got 3"),
        ({"members": [MEMBER | {"rows": [{"epoch": []}]}]}, r"members\[0\]\.rows\[0\]\.epoch must .+"),
        ({"members": [MEMBER | {"diverged": "x"}]}, r"members\[0\]\.diverged must be .+, got 'x'"),
        ({"vectorized": "x"}, "vectorized must be a whole number .+, got 'x'"),
        ({"versions": 3}, "versions must be a table of .+, got 3"),
    ],
    ids=str,
)  # fmt: skip
def test_values_of_another_type_in_a_sweep(tmp_path, changes, message):
    folder = RunFolder(tmp_path)
    folder.sweep.write_text(json.dumps(SWEEP))
    assert read_outcome(folder) == SWEEP
    put(folder.sweep, **changes)
    with pytest.raises(UserError, match=rf"^\S+sweep\.json is damaged: {message}$"):
        read_outcome(folder)


def test_sweeps_that_lack_something(tmp_path):
    folder = RunFolder(tmp_path)
    for name in ("epochs", "seconds", "members"):
        folder.sweep.write_text(json.dumps({key: SWEEP[key] for key in SWEEP if key != name}))
        with pytest.raises(UserError, match=rf"sweep\.json is damaged: {name} is missing$"):
            read_outcome(folder)
    folder.sweep.write_text(DEEP)
    with pytest.raises(UserError, match="nested more than 40 deep"), within(10):
        read_outcome(folder)


@pytest.mark.parametrize("text", ['{"id": 3}', '{"id": "../../x"}', "{}", "[]", DEEP])
def test_an_id_of_weights_and_biases_that_is_none(tmp_path, text):
    (tmp_path / "wandb.json").write_text(text)
    with pytest.raises(UserError, match=r"wandb\.json is damaged: "), within(60):
        WandB(TrainConfig(), RunFolder(tmp_path))
