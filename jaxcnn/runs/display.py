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


class Display(Subscriber):
    """Shows epochs as they pass."""

    def __init__(self, epochs: int, steps_per_epoch: int) -> None:
        """Prepare for ``epochs`` passes of ``steps_per_epoch`` steps."""
        self._console = _Console(soft_wrap=True, highlight=False)
        self._epochs, self._steps = epochs, steps_per_epoch
        self._bar: Progress | None = None
        self._task = TaskID(0)
        if self._console.is_terminal and not is_quiet():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[figures]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
                expand=True,
            )

    def __enter__(self) -> "Display":
        if self._bar:
            with unless_nobody_reads():
                self._bar.start()
                self._task = self._bar.add_task("", total=self._epochs * self._steps, figures="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            with unless_nobody_reads():
                self._bar.stop()

    def span(self, done: SpanDone) -> None:
        """Move the bar, if there is one."""
        if not self._bar:
            return
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

    def epoch(self, done: EpochDone, rows: Sequence[MetricsRow]) -> None:
        """Note the line of a finished epoch, and print it unless the run is quiet."""
        row, width = rows[0], len(str(self._epochs))
        figures = [
            f"{split} {what} {row[f'{split}_{what}']:.4f}"
            for split in ("train", *done.scores)
            for what in ("loss", "accuracy")
        ]
        line = (
            f"epoch {done.epoch:{width}}/{self._epochs}  {'  '.join(figures)}  "
            f"{row['images_per_second']:,.0f} images/s"
        )
        note(line)
        if not is_quiet():
            with unless_nobody_reads():
                self._console.print(line)
