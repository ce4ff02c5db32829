"""Which runs are taken together, and what is said of those that are in no mean."""

import json
from pathlib import Path

from jaxcnn.report import page
from jaxcnn.report.curves import BOTTOM, RIGHT, TOP, draw
from jaxcnn.report.groups import group
from jaxcnn.report.reported_runs import ReportedRun
from jaxcnn.report.tables import headline, results, settings_of, when
from jaxcnn.runs import RunFolder, TrainConfig
from jaxcnn.runs.config_file import to_json


def record(name, *scores, data=None, epochs=2, **changes):
    """A run whose epochs had these test accuracies."""
    config = TrainConfig(epochs=epochs, **changes)
    rows = [{"epoch": float(i), "test_accuracy": s} for i, s in enumerate(scores, start=1)]
    content = {"config": json.loads(json.dumps(to_json(config)))} | (
        {} if data is None else {"data": data}
    )
    return ReportedRun(RunFolder(Path(name)), name, config, content, rows, [])


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
    assert draw([three])[0][0].description == "accuracy: A test ends at 0.7"


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


def test_why_a_run_is_the_one_in_detail():
    """Of an even number none is the median."""
    runs = [record(str(n), 0.1, score, seed=n) for n, score in enumerate((0.9, 0.5, 0.7, 0.6))]
    chosen = [group(runs[: n + 1])[0] for n in range(4)]
    assert [(each.typical.name, each.choice) for each in chosen] == [
        ("0", "the only one that counts"),
        ("1", "whose test accuracy is the lower of 2 runs"),
        ("2", "whose test accuracy is the median of 3 runs"),
        ("3", "whose test accuracy is the lower of the two in the middle of 4 runs"),
    ]


def test_the_title_claims_no_run_that_there_is_not():
    lenet, modern = record("a", 0.1, model="lenet"), record("b", 0.1, model="lenet_modern")
    other = record("c", 0.1, model="lenet_modern", dataset="mnist")
    assert page._title(group([lenet, modern])) == "lenet and lenet_modern on digits"
    assert page._title(group([modern, other])) == "lenet_modern on digits and mnist"
    assert page._title(group([lenet, other])) == "lenet on digits, lenet_modern on mnist"
    # What only another set has is no difference between the settings.
    assert [each.title.count("data dir") for each in group([lenet, other])] == [0, 0]


def test_settings_that_are_off_take_one_line():
    run = record("a", 0.1, tensorboard=True)
    run.content["started"] = "2026-11-22T12:49:13+0100"
    facts = {part.title: dict(part.facts) for part in settings_of(run)}
    assert facts["config"]["tensorboard"] == "on"
    assert "wandb" in facts["config"]["off"].split(", ")
    assert {"augment", "clip norm", "data dir"} <= set(facts["config"]["not set"].split(", "))
    assert not {"wandb", "augment", "augmentation augment"} & facts["config"].keys()
    assert facts["run"] == {"started": "2026-11-22 12:49"}
    run.rows[0]["seconds"] = 62.4
    assert when([run]) == "Started 2026-11-22 12:49, 1 min 2 s of training."
    assert when([record("b", 0.1)]) == ""


def test_labels_stand_at_the_ends_of_their_curves():
    """Within the frame, apart, and one that falls out of it moves none that had room."""
    rates = {"a": 1.0, "b": 0.011, "c": 0.0101, "d": 0.01}
    runs = [record(name, *[0.1] * 4, lr=rate, epochs=4) for name, rate in rates.items()]
    runs.append(record("e", 0.1, 0.1, lr=0.5, epochs=2))
    for run in runs:
        for row in run.rows:
            row["learning_rate"], row["seconds"] = run.config.lr, row["epoch"]
    panels, _ = draw(group(runs))
    assert [panel.title for panel in panels] == ["learning rate"]
    ends = {point.series: point for point in panels[0].points}
    labels = {label.text: label for label in panels[0].labels}
    assert (labels["A"].y, labels["E"].y) == (max(TOP, ends[0].y), ends[4].y)
    assert labels["E"].x == ends[4].x < RIGHT == labels["A"].x
    below = sorted(labels[name].y for name in "BCD")
    assert below == [BOTTOM - 20, BOTTOM - 8, BOTTOM + 4]
