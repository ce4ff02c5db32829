"""A profile shows what a run does and changes nothing about it."""

import collections
import dataclasses
import gzip
import json

import jax
import pytest

from jaxcnn.runs import TrainConfig, run
from jaxcnn.runs import profile as profiling
from jaxcnn.runs.metrics_file import read_metrics
from jaxcnn.runs.profile import Profile, own_times, table
from jaxcnn.training import Moment, SpanDone
from tests.runs.numbers import numbers


@pytest.fixture
def config(tiny, tmp_path):
    return TrainConfig(
        model="lenet_modern", dataset="fashion_mnist", data_dir=tiny, epochs=2, batch_size=8,
        optimizer="adam", lr=0.002, run_dir=tmp_path / "run", profile=True,
    )  # fmt: skip


def rows_of(text):
    """``[(name, ms, share)]`` of the printed table."""
    lines = text[text.index("slowest layers") :].splitlines()[1:]
    return [line.rsplit(None, 2) for line in lines if line.startswith("  ")]


@pytest.mark.slow
def test_the_numbers_are_the_same(config, tmp_path, capsys):
    plain = run(dataclasses.replace(config, profile=False, run_dir=tmp_path / "plain"))
    assert "profile" not in capsys.readouterr().out
    profiled = run(config)
    assert profiled.parameters_sha256 == plain.parameters_sha256
    assert numbers(profiled.folder) == numbers(plain.folder)
    text = capsys.readouterr().out
    assert f"profile: 5 steps in {config.run_dir / 'profile'}" in text
    rows = rows_of(text)
    assert 5 <= len(rows) <= 10
    times = [float(milliseconds) for _, milliseconds, _ in rows]
    assert times == sorted(times, reverse=True)
    assert 0 < sum(float(share.rstrip("%")) for *_, share in rows) <= 100.5


@pytest.mark.slow
@pytest.mark.parametrize("streaming", [False, True])
def test_layers_are_named_and_nothing_is_left_out(streaming, config, capsys, monkeypatch):
    monkeypatch.setattr(profiling, "ROWS", 1000)
    run(dataclasses.replace(config, model="lenet", streaming=streaming))
    rows = rows_of(capsys.readouterr().out)
    names = [name.strip() for name, *_ in rows]
    assert len(names) == len(set(names))
    layers = {"conv1", "sigmoid1", "pool1", "conv2", "sigmoid2", "pool2", "dense1", "dense2", "dense3"}  # fmt: skip
    gradients = {"conv1 (kernel gradient)", "conv2 (kernel gradient)", "dense1 (gradient)"}
    assert layers | gradients <= set(names)
    assert not [name for name in names if "ffi_call" in name or "jaxcnn" in name]
    nanoseconds = by_op(config.run_dir)
    calls = collections.Counter(op for _, op in nanoseconds)  # two programs may name an op alike
    in_trace = {op: 1e-6 * of for (_, op), of in nanoseconds.items() if calls[op] == 1}
    total = sum(float(milliseconds) for _, milliseconds, _ in rows)
    assert total == pytest.approx(1e-6 * sum(nanoseconds.values()) / 5, abs=0.001 * len(rows))
    ops = [(in_trace[name], float(ms)) for (_, ms, _), name in zip(rows, names, strict=True) if name in in_trace]  # fmt: skip
    assert ops
    for in_all, milliseconds in ops:
        assert milliseconds == pytest.approx(in_all / 5, abs=0.002)


def by_op(run):
    """Nanoseconds of each program's ops, without those within them, from the trace of Perfetto."""
    (path,) = (run / "profile").rglob("*.trace.json.gz")
    events = [
        # Whole nanoseconds: a sum of fractions may differ in its last bit from what it equals.
        (e["tid"], round(1e3 * e["ts"]), -round(1e3 * e["dur"]), e["args"]["hlo_module"], e["args"]["hlo_op"])
        for e in json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
        if e.get("args", {}).get("hlo_op")
    ]  # fmt: skip
    events.sort(key=lambda event: event[:3])
    sums = collections.Counter()
    for number, (thread, begin, length, *names) in enumerate(events):
        counted, own = begin, -length
        for other, start, inner, *_ in events[number + 1 :]:
            if other != thread or start >= begin - length:
                break
            if start >= counted:  # else within one that has been taken off
                own, counted = own + inner, start - inner
        sums[tuple(names)] += own
    return sums


@pytest.mark.parametrize(
    ("epochs", "said"),
    [
        (1, "profile: no step was left to trace after the first 1\n"),
        (2, "profile: no step was left to trace after the first 2\n"),
        (3, "profile: 1 step in "),
        (4, "profile: 1 step in "),  # a trace ends with its epoch
    ],
)
@pytest.mark.slow
def test_a_run_of_few_steps(epochs, said, config, capsys):
    """A batch of all images: one step in an epoch."""
    run(dataclasses.replace(config, batch_size=53, epochs=epochs))
    text = capsys.readouterr().out
    assert said in text
    assert text.count("profile: ") == 1


@pytest.mark.slow
def test_spans_of_one_step_are_gathered(config, capsys):
    """As of a slow network, or with a checkpoint after each step."""
    run(dataclasses.replace(config, checkpoint_every=1, epochs=1))
    assert "profile: 5 steps in " in capsys.readouterr().out


@pytest.mark.slow
def test_a_profile_that_cannot_be_written_does_not_end_the_run(config, capsys):
    first = dataclasses.replace(config, profile=False, epochs=1)
    run(first)
    (config.run_dir / "profile").write_text("in the way")
    run(dataclasses.replace(config, resume=True))
    errors = capsys.readouterr().err
    folder = config.run_dir / "profile"
    assert errors.startswith(f"jaxcnn: warning: no profile in {folder}: ")
    assert "File exists" in errors
    assert errors.count("\n") == 1
    assert len(list(read_metrics(run(dataclasses.replace(config, overwrite=True)).folder))) == 2


def test_a_run_that_stops_ends_its_trace(tmp_path):
    def span(batches):
        moment = Moment(None, None, 1, batches)
        return SpanDone(moment, None, batches, 1.0, 8, 1.0)

    def interrupted():
        with Profile(tmp_path / "one", (), steps=9, epochs=1) as profile:
            profile.span(span(2))
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    with jax.profiler.trace(tmp_path / "two"):  # only one at a time is possible
        pass


def test_own_times_end_where_the_next_begin():
    events = [("b", 4, 8), ("a", 0, 4), ("outer", 10, 20), ("middle", 11, 19), ("inner", 12, 15)]
    found = dict(own_times(events))
    assert found == {"a": 4, "b": 4, "outer": 2, "middle": 5, "inner": 3}


def test_a_trace_without_ops_is_said(tmp_path):
    assert table([], 1, tmp_path).endswith("; the trace names no ops")
