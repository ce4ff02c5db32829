"""What a run shows while it works: a live bar on a terminal, plain lines elsewhere."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from jaxcnn.runs.log import is_quiet, note, unless_nobody_reads
from jaxcnn.runs.rows import MetricsRow
from jaxcnn.runs.subscriber import Subscriber
from jaxcnn.training import EpochDone, SpanDone


class _Console(Console):
    """A console that does not end the program when the pipe it writes to is closed."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def displays(epochs: int, steps_per_epoch: int) -> list[Subscriber]:
    """What shows a run of ``epochs`` passes of ``steps_per_epoch`` steps: lines, and a bar.

    The bar is shown on a terminal alone, and only where the run is not quiet.
    """
    console = _Console(soft_wrap=True, highlight=False)
    lines = Lines(epochs, console)
    if not console.is_terminal or is_quiet():
        return [lines]
    return [Bar(epochs, steps_per_epoch, console), lines]


WORTH_SAYING = 0.1
"""The least share of the time that is said to be spent waiting for images."""


class Bar(Subscriber):
    """A bar at the end of a terminal, which moves with each span of batches."""

    def __init__(self, epochs: int, steps_per_epoch: int, console: Console) -> None:
        """Prepare for ``epochs`` passes of ``steps_per_epoch`` steps."""
        self._epochs, self._steps = epochs, steps_per_epoch
        self._task = TaskID(0)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            expand=True,
        )

    def __enter__(self) -> "Bar":
        with unless_nobody_reads():
            self._bar.start()
            self._task = self._bar.add_task("", total=self._epochs * self._steps, figures="")
        return self

    def __exit__(self, *_: object) -> None:
        with unless_nobody_reads():
            self._bar.stop()

    def span(self, done: SpanDone) -> None:
        """Move the bar."""
        moment, rate = done.moment, done.examples / max(done.elapsed, 1e-9)
        count = max(int(moment.totals.examples), 1)
        loss, accuracy = float(moment.totals.loss) / count, int(moment.totals.correct) / count
        with unless_nobody_reads():
            self._bar.update(
                self._task,
                completed=(moment.epoch - 1) * self._steps + moment.batch,
                description=f"epoch {moment.epoch}/{self._epochs}",
                figures=f"loss {loss:.4f}  accuracy {accuracy:.4f}  {rate:,.0f} images/s",
            )


class Lines(Subscriber):
    """A line for each epoch."""

    def __init__(self, epochs: int, console: Console) -> None:
        """Print to a console, for so many epochs."""
        self._epochs, self._console = epochs, console

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Note the line of a finished epoch, and print it unless the run is quiet."""
        row, width = rows[0], len(str(self._epochs))
        figures = [
            f"{split} {what} {row[f'{split}_{what}']:.4f}"
            for split in ("train", *done.scores)
            for what in ("loss", "accuracy")
        ]
        speed = f"{row['images_per_second']:,.0f} images/s"
        if row.get("waiting_share", 0) >= WORTH_SAYING:
            speed += f" (waited for images {row['waiting_share']:.0%} of the time)"
        line = f"epoch {done.epoch:{width}}/{self._epochs}  {'  '.join(figures)}  {speed}"
        note(line)
        if not is_quiet():
            with unless_nobody_reads():
                self._console.print(line)
