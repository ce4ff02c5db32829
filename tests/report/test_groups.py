"""Which runs are taken together, and what is said of those that are in no mean."""

from pathlib import Path

from jaxcnn.report.curves import draw
from jaxcnn.report.groups import group
from jaxcnn.report.records import Record
from jaxcnn.report.tables import headline, results
from jaxcnn.training import RunFolder, TrainConfig
from jaxcnn.training.run_folder import to_json


def record(name, *scores, data=None, epochs=2, **changes):
    """A run whose epochs had these test accuracies."""
    config = TrainConfig(epochs=epochs, **changes)
    rows = [{"epoch": float(i), "test_accuracy": s} for i, s in enumerate(scores, start=1)]
    content = {"config": to_json(config)} | ({} if data is None else {"data": data})
    return Record(RunFolder(Path(name)), name, config, content, rows, [])


def test_other_data_are_no_other_seed():
    photos = {"dataset": "image_folder", "model": "lenet"}
    near = record("a", 0.2, 0.8, data_dir=Path("/one/photos"), **photos)
    far = record("b", 0.2, 0.6, data_dir=Path("/two/photos"), **photos)
    titles = [each.title for each in group([near, far])]
    assert titles == [f"lenet on image_folder, data dir {x}/photos" for x in ("one", "two")]
    more = [record(str(n), 0.1, 0.2, seed=n, data={"train_images": n}) for n in (7, 8)]
    assert [each.title for each in group(more)] == [
        "lenet on digits, train images 7",
        "lenet on digits, train images 8",
    ]
    # The digits come with jaxcnn, whatever the folder says.
    assert len(group([record("a", 0.1), record("b", 0.1, seed=1, data_dir=Path("/x"))])) == 1


def test_a_seed_counts_once():
    same = [record("a", 0.2, 0.8), record("b", 0.2, 0.8), record("c", 0.4, 0.6, seed=1)]
    (alone,) = group(same[:2])
    assert alone.notes == ["b has the seed of a: it is left out of every mean."]
    assert [fact.value for fact in headline(alone)] == ["0.8000"]
    assert [line.name for line in results([alone])] == ["a", "b"]
    (three,) = group(same)
    assert [fact.value for fact in headline(three)] == ["0.7000 ± 0.1414"]
    assert draw([three])[0][0].says == "accuracy: A test ends at 0.7"


def test_a_finished_run_counts_for_its_seed():
    (both,) = group([record("a", 0.2), record("b", 0.2, 0.8)])
    assert [run.name for run in both.counted] == ["b"]
    assert both.notes == ["a has 1 of 2 epochs: it is left out of every mean."]


def test_the_speed_is_the_one_that_train_prints():
    """The median of the epochs: the last one alone is as good as chance."""
    run = record("a", 0.2, 0.8, 0.9, epochs=3)
    for row, speed in zip(run.rows, (100.0, 500.0, 300.0), strict=True):
        row["images_per_second"] = speed
    (alone,) = group([run])
    assert headline(alone) == [("test accuracy", "0.9000"), ("images/s", "300")]
    run.rows[-1]["images_per_second"] = float("nan")
    assert results([alone])[0].figures == ["0.9000", "300"]
