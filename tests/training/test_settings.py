"""Settings from files: which goes before which, and what is refused."""

import dataclasses

import pytest

from jaxcnn.cli.flags import parse
from jaxcnn.cli.train import TrainCommand, settled
from jaxcnn.training import RunFolder, TrainConfig, UserError
from jaxcnn.training.run_folder import begin, make_folder, read_config
from jaxcnn.training.settings import read_toml, with_values


def from_words(*words):
    words = [str(word) for word in words]
    return settled(parse(TrainCommand, words, prog="jaxcnn train"), words)


@pytest.fixture
def run(tmp_path):
    """A run's folder with nothing but its config."""
    folder = RunFolder(tmp_path / "run")
    config = TrainConfig(
        run_dir=folder.path, lr=0.5, batch_size=7, seed=3, skip_nonfinite=True, keep=5
    )
    make_folder(folder, config)
    begin(folder, config, {})
    return folder


def test_flags_before_file_before_run_before_defaults(run, tmp_path):
    file = tmp_path / "my.toml"
    file.write_text('batch-size = 9\nseed = 4\ndata_dir = "there"\nlr = 2\n')
    config = from_words("--from", run.path, "--config", file, "--seed", 5, "--epochs", 2)
    assert (config.seed, config.epochs) == (5, 2)
    assert (config.batch_size, config.lr, str(config.data_dir)) == (9, 2.0, "there")
    assert (config.skip_nonfinite, config.keep) == (True, 5)
    assert (config.momentum, config.run_dir, config.resume) == (0.9, None, False)
    assert from_words("--from", run.path, "--keep", 2).keep == 2  # a flag that equals the default


def test_resume_takes_the_runs_own(run):
    config = from_words("--run-dir", run.path, "--resume", "--checkpoint-every", 1)
    assert config == dataclasses.replace(read_config(run), resume=True, checkpoint_every=1)
    with pytest.raises(UserError, match="--from and --resume contradict each other"):
        from_words("--run-dir", run.path, "--resume", "--from", run.path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epohcs = 3", r"my\.toml: unknown key 'epohcs', did you mean 'epochs'\?"),
        ("epochs = 3.5", r"my\.toml: 'epochs' must be a whole number, got 3\.5"),
        ('lr = "abc"', r"my\.toml: 'lr' must be a number, got 'abc'"),
        ("lr = true", r"my\.toml: 'lr' must be a number, got True"),
        ('optimizer = "sdg"', r"my\.toml: 'optimizer' must be one of sgd, momentum, adam, adamw, got 'sdg'"),
        ("wandb = 1", r"my\.toml: 'wandb' must be true or false, got 1"),
        ("data_dir = 3", r"my\.toml: 'data_dir' must be a path, got 3"),
        ('data_dir = "a\\u0000b"', r"my\.toml: 'data_dir' must be a path"),
        ("[lr]\na = 1", r"my\.toml: 'lr' must be a number, got \{'a': 1\}"),
        ("overwrite = true", r"my\.toml: 'overwrite' is a flag of the command line only"),
        ("lr = ", r"--config .*my\.toml is no TOML file: "),
        (b"\xff\xfe", r"--config .*my\.toml is no TOML file: "),
    ],
)  # fmt: skip
def test_mistakes_name_the_file_and_the_key(text, message, tmp_path):
    file = tmp_path / "my.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message):
        from_words("--config", file)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match="--config .*no.toml does not exist"):
        from_words("--config", tmp_path / "no.toml")
    with pytest.raises(UserError, match="--config .* cannot be read: Is a directory"):
        read_toml(tmp_path)
    with pytest.raises(UserError, match="nowhere holds no run"):
        from_words("--from", "nowhere")


def test_a_table_is_a_dataclass():
    @dataclasses.dataclass(frozen=True)
    class Outer:
        inner: TrainConfig = dataclasses.field(default_factory=TrainConfig)

    assert with_values(Outer(), {"inner": {"seed": 3}}, "f").inner.seed == 3
    with pytest.raises(UserError, match=r"f: 'inner': unknown key 'sede', did you mean 'seed'\?"):
        with_values(Outer(), {"inner": {"sede": 3}}, "f")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lr", "abc"], "^--lr: expected a number, got 'abc'$"),
        (["--epochs", "2.5"], "^--epochs: expected a whole number, got '2.5'$"),
        (["--optimizer", "sdg"], "^--optimizer: expected one of sgd, momentum, adam, adamw, got 'sdg'$"),
        (["--channels", "2"], "^--channels: expected one of 1, 3, got '2'$"),
        (["--best-by", "x"], "^--best-by: expected one of test_accuracy, test_loss, got 'x'$"),
        (["--lr"], "^--lr: a value is missing$"),
        (["--epohcs", "3"], r"^unknown option --epohcs, did you mean --epochs\? \(--help lists them\)$"),
        (["--lr", "None"], None),
    ],
)  # fmt: skip
def test_flags_are_refused_in_one_sentence(words, message):
    if message is None:
        assert from_words(*words).lr is None
        return
    with pytest.raises(UserError, match=message):
        from_words(*words)
