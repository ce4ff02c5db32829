"""What a run shows while it works: a live bar on a terminal, plain lines elsewhere."""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from jaxcnn.runs.log import note, unless_nobody_reads


class _Console(Console):
    """A console that does not end the program when the pipe it writes to is closed."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Display:
    """Shows epochs as they pass."""

    def __init__(self, epochs: int, steps_per_epoch: int) -> None:
        """Prepare for ``epochs`` passes of ``steps_per_epoch`` steps."""
        self._console = _Console(soft_wrap=True, highlight=False)
        self._epochs, self._steps = epochs, steps_per_epoch
        self._bar: Progress | None = None
        self._task = TaskID(0)
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[figures]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
                expand=True,
            )

    @property
    def live(self) -> bool:
        """Whether there is a bar to move within an epoch."""
        return self._bar is not None

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

    def step(self, epoch: int, step: int, loss: float, accuracy: float, rate: float) -> None:
        """Show the running figures after ``step`` steps of ``epoch``."""
        if self._bar:
            with unless_nobody_reads():
                self._bar.update(
                    self._task,
                    completed=(epoch - 1) * self._steps + step,
                    description=f"epoch {epoch}/{self._epochs}",
                    figures=f"loss {loss:.4f}  accuracy {accuracy:.4f}  {rate:,.0f} images/s",
                )

    def epoch(self, row: dict[str, Any]) -> None:
        """Print the line of a finished epoch, and note it."""
        width = len(str(self._epochs))
        line = (
            f"epoch {row['epoch']:{width}}/{self._epochs}  "
            f"train loss {row['train_loss']:.4f}  train accuracy {row['train_accuracy']:.4f}  "
            f"test loss {row['test_loss']:.4f}  test accuracy {row['test_accuracy']:.4f}  "
            f"{row['images_per_second']:,.0f} images/s"
        )
        note(line)
        with unless_nobody_reads():
            self._console.print(line)
