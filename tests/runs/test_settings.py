"""Settings from files: which goes before which, and what is refused."""

import dataclasses
import json
from pathlib import Path

import pytest

from jaxcnn.cli import read
from jaxcnn.cli.sweep import read_sweep
from jaxcnn.cli.train import read_train
from jaxcnn.runs import RunFolder, TrainConfig, UserError
from jaxcnn.runs.config_file import read_config
from jaxcnn.runs.plan import SweepPlan, check_plan
from jaxcnn.runs.settings import read_toml, with_values
from jaxcnn.training.augment_options import AugmentConfig
from tests.runs.begun import begin


def from_words(*words):
    return read_train([str(word) for word in words]).config


@pytest.fixture
def run(tmp_path):
    """A run's folder with nothing but its config."""
    folder = RunFolder(tmp_path / "run")
    config = TrainConfig(
        run_dir=folder.path,
        lr=0.5,
        batch_size=7,
        seed=3,
        skip_nonfinite=True,
        keep=5,
        best_by="validation_loss",
    )
    return begin(config)


def test_flags_before_file_before_run_before_defaults(run, tmp_path):
    file = tmp_path / "my.toml"
    file.write_text('batch-size = 9\nseed = 4\ndata_dir = "there"\nlr = 2\n')
    config = from_words("--from", run.path, "--config", file, "--seed", 5, "--epochs", 2)
    assert (config.seed, config.epochs) == (5, 2)
    assert (config.batch_size, config.lr, str(config.data_dir)) == (9, 2.0, "there")
    assert (config.skip_nonfinite, config.keep) == (True, 5)
    assert (config.momentum, config.run_dir, config.resume) == (0.9, None, False)
    assert from_words("--from", run.path, "--keep", 2).keep == 2  # a flag that equals the default


def test_none_names_no_file_and_no_run(run):
    assert from_words("--config", "None", "--from", "None") == TrainConfig()
    assert from_words("--from", run.path, "--from=None", "--seed", 1).batch_size is None


def test_the_run_to_resume_may_be_named_in_the_file(run, tmp_path):
    file = tmp_path / "my.toml"
    file.write_text(f'run_dir = "{run.path}"\nseed = 4\n')
    config = from_words("--config", file, "--resume")
    assert (config.run_dir, config.batch_size, config.seed) == (run.path, 7, 4)
    assert from_words("--config", file, "--resume", "--no-resume").batch_size is None


def test_resume_takes_the_runs_own(run):
    config = from_words("--run-dir", run.path, "--resume", "--checkpoint-every", 1)
    assert config == dataclasses.replace(read_config(run), resume=True, checkpoint_every=1)
    with pytest.raises(UserError, match="--from and --resume contradict each other"):
        from_words("--run-dir", run.path, "--resume", "--from", run.path)


def test_what_is_on_can_be_said_again_and_undone(run, tmp_path):
    """Whether a setting is off by default, or a file has set it."""
    assert from_words("--from", run.path, "--skip-nonfinite").skip_nonfinite
    assert not from_words("--from", run.path, "--no-skip-nonfinite").skip_nonfinite
    resumed = ("--run-dir", run.path, "--resume")
    assert from_words(*resumed, "--skip-nonfinite").skip_nonfinite
    assert not from_words(*resumed, "--no-skip-nonfinite").skip_nonfinite
    file = tmp_path / "my.toml"
    file.write_text("tensorboard = true\n[data]\nstrict = true\n")
    assert from_words("--config", file, "--tensorboard", "--strict").tensorboard
    undone = from_words("--config", file, "--no-tensorboard", "--no-strict")
    assert (undone.tensorboard, undone.data.strict) == (False, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epohcs = 3", r"my\.toml: unknown key 'epohcs', did you mean 'epochs'\?"),
        ("epochs = 3.5", r"my\.toml: 'epochs' must be a whole number, got 3\.5"),
        ('lr = "abc"', r"my\.toml: 'lr' must be a number, got 'abc'"),
        (f"lr = 1{'0' * 4000}", r"my\.toml is no TOML file: a number of it has more than 1,000 digits$"),
        (f"model = [{'0,' * 4000}]", r"my\.toml: 'model' must be text, got \[0, 0, 0, 0, \.\.\.\]$"),
        ("lr = true", r"my\.toml: 'lr' must be a number, got True"),
        ('optimizer = "sdg"', r"my\.toml: 'optimizer' must be one of sgd, momentum, adam, adamw, got 'sdg'"),
        ("wandb = 1", r"my\.toml: 'wandb' must be true or false, got 1"),
        ("data_dir = 3", r"my\.toml: 'data_dir' must be a path, got 3"),
        ('data_dir = "a\\u0000b"', r"my\.toml: 'data_dir' must be a path"),
        ('data_dir = ""', r"my\.toml: 'data_dir' must be a path, got ''"),
        ("#" * 1_000_001, r"--config .*my\.toml cannot be read: it has 1,000,001 bytes, expected at most 1,000,000"),
        ("[lr]\na = 1", r"my\.toml: 'lr' must be a number, got \{'a': 1\}"),
        ('augment = "flop"', r"my\.toml: 'augment' must be one of resized-crop, pad-crop, flip, rand-augment, color-jitter, cutout, erasing, mixup, cutmix, got 'flop'"),
        ("image-size = 2.5", r"my\.toml: 'image-size' must be a whole number, got 2\.5"),
        ("data = 3", r"my\.toml: 'data' must be a table of split, test_split, .* got 3"),
        ('augmentation = ["flip"]', r"my\.toml: 'augmentation' must be a table of augment, crop_area, crop_padding, cutout_size, rand_magnitude, jitter, mixup_alpha, label_smoothing, got \['flip'\]"),
        ("learning_rate = 0.1", r"my\.toml: unknown key 'learning_rate', did you mean 'lr'\?$"),
        ("zzz = 0.1", r"my\.toml: unknown key 'zzz' \(the nearest known: \w+, \w+, \w+\)$"),
        ("image-size = 9\nimage_size = 8", r"my\.toml: 'image_size' is given twice"),
        ("image-size = 9\n[data]\nimage_size = 8", r"my\.toml: 'image_size' is given twice"),
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


def test_keys_are_the_names_of_the_flags(tmp_path):
    """Those of a part of the config too, as flags or in a table; one value need be in no list."""
    file = tmp_path / "my.toml"
    file.write_text('image-size = 9\naugment = "flip"\n[data]\nchannels = 3\n')
    config = from_words("--config", file)
    assert (config.data.image_size, config.data.channels) == (9, 3)
    assert config.augmentation.augment == ("flip",)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match="--config .*no.toml does not exist"):
        from_words("--config", tmp_path / "no.toml")
    with pytest.raises(UserError, match="--config .* cannot be read: Is a directory"):
        read_toml(tmp_path)
    with pytest.raises(
        UserError, match="--config /dev/zero cannot be read: it is a device, expected a file"
    ):
        read_toml(Path("/dev/zero"))
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
        (["--lr", "abc"], "^--lr must be a number, got 'abc'$"),
        (["--epochs", "2.5"], "^--epochs must be a whole number, got '2.5'$"),
        (["--optimizer", "sdg"], r"^--optimizer must be one of sgd, momentum, adam, adamw, got 'sdg', did you mean 'sgd'\?$"),
        (["--channels", "2"], "^--channels must be one of 1, 3, got '2'$"),
        (["--best-by", "x"], "^--best-by must be one of validation_accuracy, validation_loss, got 'x'$"),
        (["--lr"], "^--lr: a value is missing$"),
        (["--run-dir", ""], "^--run-dir must be a path, got ''$"),
        (["--epohcs", "3"], r"^unknown option --epohcs, did you mean --epochs\? \(--help lists them\)$"),
        (["--augment", "flip", "flop"], r"^--augment must be one of resized-crop, pad-crop, flip, rand-augment, color-jitter, cutout, erasing, mixup, cutmix, got 'flop', did you mean 'flip'\?$"),
        (["--augment"], r"^--augment: a value is missing \(None stands for no value\)$"),
        (["--learning-rate", "3"], r"^unknown option --learning-rate, did you mean --lr\? "),
        (["mine"], "^unexpected argument 'mine' "),
        (["--lr", "None"], None),
    ],
)  # fmt: skip
def test_flags_are_refused_in_one_sentence(words, message):
    if message is None:
        assert from_words(*words).lr is None
        return
    with pytest.raises(UserError, match=message):
        from_words(*words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("eval x --batch 3", r"^unknown option --batch \("),
        (
            "eval x --batch-size 3",
            r"^eval has no option --batch-size, but train, sweep, summary, plan have it \(",
        ),
        ("train -lr 3", r"^unknown option -lr, did you mean --lr\? \("),
        ("train --wandb=true", r"^--wandb takes no value, got 'true'$"),
        ("experiments --run x", r"^unknown option --run \("),
        ("eval x --top 3", r"^eval has no option --top, but predict has it \("),
        ("train --no-resum", r"^unknown option --no-resum, did you mean --no-resume\? "),
        ("train --device cpu", r"^unknown option --device, did you mean --platform\? "),
        ("train lenet", r"^unexpected argument 'lenet' \(the names of options begin with --; "),
        ("summary lenet --image-size", r"^--image-size: a value is missing$"),
        ("--verion", r"^unknown option --verion, did you mean --version\?$"),
        ("eval", r"^RUN is missing: the run folder$"),
        ("predict x", r"^IMAGE is missing: image files of any size"),
        ("export x --to", r"^--to: a value is missing$"),
        ("export x", r"^--to is missing: the format: stablehlo"),
        ("eval x y", r"^unexpected argument 'y' "),
        ("--lr 3 train", r"^--lr must follow a command: train, sweep, "),
        ("data inspect --outptu x", r"^unknown option --outptu, did you mean --output\? \("),
        ("check --dtypes", r"^--dtypes: a value is missing \(None stands for no value\)$"),
        ("check --dtypes float31", r"got 'float31', did you mean 'float32'\?$"),
    ],
)
def test_only_flags_of_the_command_are_hinted_at(words, message):
    with pytest.raises(UserError, match=message):
        read(words.split())


def test_none_undoes_what_a_file_names(tmp_path):
    file = tmp_path / "my.toml"
    file.write_text('augment = ["flip"]')
    assert from_words("--config", file, "--augment", "None").augmentation.augment == ()


def sweep_from_words(*words):
    return read_sweep([str(word) for word in words]).config


@pytest.fixture
def sweep_folder(tmp_path):
    """A sweep's folder with nothing but what repeats it."""
    config = TrainConfig(seed=5, epochs=4, experiment="mine", augmentation=AugmentConfig(("flip",)))
    plan = SweepPlan(config, seeds=3, rates=(0.1, 0.2), at_once=2)
    (tmp_path / "swept").mkdir()
    (tmp_path / "swept" / "sweep.json").write_text(json.dumps({"config": plan.settings}))
    return RunFolder(tmp_path / "swept")


def test_a_sweep_takes_the_same_ways(run, sweep_folder, tmp_path):
    repeated = sweep_from_words("--from", sweep_folder.path)
    assert (repeated.seed, repeated.recipe.epochs, repeated.experiment) == (5, 4, "mine")
    assert (repeated.seeds, repeated.lr, repeated.at_once) == (3, (0.1, 0.2), 2)
    assert (repeated.augmentation.augment, repeated.run_dir) == (("flip",), None)
    file = tmp_path / "my.toml"
    file.write_text("seeds = 4\nlr = 0.3\nbatch-size = 9\n")
    config = sweep_from_words("--from", sweep_folder.path, "--config", file, "--seeds", 6)
    assert (config.seeds, config.lr, config.at_once, config.batch_size) == (6, (0.3,), 2, 9)
    file.write_text("lr = [1, 0.5]")
    assert sweep_from_words("--config", file).lr == (1.0, 0.5)
    assert sweep_from_words("--config", file, "--lr", 8, 9).plan.rates == (8.0, 9.0)


def test_a_sweep_of_a_single_runs_settings(run):
    """Those that mean nothing in a sweep are left out."""
    config = sweep_from_words("--from", run.path, "--seeds", 2)
    assert (config.lr, config.batch_size, config.seed, config.skip_nonfinite) == (
        (0.5,),
        7,
        3,
        True,
    )
    assert (config.keep, config.best_by) == (5, "validation_accuracy")
    assert read_config(run).best_by == "validation_loss"
    check_plan(config.plan)


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (["--lr", "abc"], "", "^--lr must be a number, got 'abc'$"),
        (["--lr", "0.1", "abc"], "", "^--lr must be a number, got 'abc'$"),
        (["--seeds", "x"], "", "^--seeds must be a whole number, got 'x'$"),
        (["--config", "FILE"], 'lr = "abc"', r"my\.toml: 'lr' must be a number, got 'abc'$"),
        (["--config", "FILE"], "lr = [0.1, true]", r"my\.toml: 'lr' must be a number, got True$"),
        (["--config", "FILE"], "sedes = 3", r"my\.toml: unknown key 'sedes', did you mean 'seeds'\?"),
        (["--config", "FILE"], "at-once = 1.5", r"my\.toml: 'at-once' must be a whole number, got 1\.5$"),
        (["--config", "nowhere.toml"], "", r"^--config nowhere\.toml does not exist$"),
        (["--from", "nowhere"], "", r"^nowhere holds no run: there is no config\.json in it$"),
    ],
)  # fmt: skip
def test_mistakes_in_a_sweep(words, text, message, tmp_path):
    file = tmp_path / "my.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        sweep_from_words(*(file if word == "FILE" else word for word in words))


def test_a_sweep_is_no_single_run(sweep_folder):
    with pytest.raises(UserError, match="swept holds a sweep, and not a single run$"):
        from_words("--from", sweep_folder.path)
    content = json.loads(sweep_folder.sweep.read_text())
    content["config"]["seeds"] = 0
    sweep_folder.sweep.write_text(json.dumps(content))
    with pytest.raises(
        UserError, match=r"sweep\.json is damaged: --seeds must be at least 1, got 0"
    ):
        sweep_from_words("--from", sweep_folder.path)
