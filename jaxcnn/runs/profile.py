"""``--profile``: a trace of a few steps, and the layers in it that take longest."""

import collections
import contextlib
import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.stages import Compiled

from jaxcnn.engine.name_stacks import place
from jaxcnn.runs.log import say, warn
from jaxcnn.runs.subscriber import Subscriber
from jaxcnn.training import EpochDone, Moment, SpanDone

WARM_UP = 2
"""Steps that are not traced: the first ones find caches and threads cold."""

STEPS = 5
"""Steps that are traced; fewer where the epoch ends before."""

ROWS = 10


class Slow(NamedTuple):
    """A row of the table.

    Attributes:
        name: the layer, and which gradient of it; outside of layers the op, as XLA calls it in
            its compiled program.
        milliseconds: of one step, without the ops that run inside of it.
        share: of the time of all ops; what runs side by side is counted twice.
    """

    name: str
    milliseconds: float
    share: float


class Profile(Subscriber):
    """Traces steps of the first warm epoch of a process; no number of a run depends on it.

    Nothing that goes wrong here ends a run: it comes to a warning.
    """

    def __init__(self, folder: Path, programs: Sequence[Compiled], steps: int, epochs: int) -> None:
        """Trace into ``folder``, in the format of TensorBoard and of Perfetto.

        Args:
            folder: where to.
            programs: what is traced: they know the layers of their ops.
            steps: the batches of an epoch.
            epochs: the number of the last epoch.
        """
        self._folder, self._programs = folder, programs
        self._steps, self._epochs = steps, epochs
        self._warm = self._traced = 0
        self._tracing, self._open = False, True

    def __enter__(self) -> "Profile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._open:
            say(f"profile: no step was left to trace after the first {self._warm}")

    def stop_at(self, moment: Moment, stop: int) -> int:
        """``stop``, or an earlier batch at which the warm-up or the trace ends."""
        if not self._open:
            return stop
        left = STEPS - self._traced if self._warm >= WARM_UP else WARM_UP - self._warm
        return min(stop, moment.batch + left)

    def span(self, done: SpanDone) -> None:
        """Count the steps of a span; begin the trace after the warm-up, end it in time."""
        if not self._open:
            return
        if self._tracing:
            self._traced += done.batches
        else:
            self._warm += done.batches
        at_the_end = done.moment.batch >= self._steps
        if self._tracing and (at_the_end or self._traced >= STEPS):
            self.close()
        elif not self._tracing and not at_the_end:
            self._begin_when_warm()

    def epoch(self, done: EpochDone, rows: Sequence[Any]) -> None:
        """Begin the trace of an epoch's first steps, where the warm-up is over."""
        if self._open and not self._tracing and done.epoch < self._epochs:
            self._begin_when_warm()

    def _begin_when_warm(self) -> None:
        if self._warm >= WARM_UP:
            self._begin()

    def close(self) -> None:
        """End the trace, if there is one, and print what it shows."""
        if not self._tracing:
            return
        self._tracing = self._open = False
        with self._no_harm():
            jax.profiler.stop_trace()
            if self._traced:
                path = max(
                    self._folder.rglob("*.trace.json.gz"), key=lambda path: path.stat().st_mtime
                )
                rows = slowest(path, self._traced, layers_of(self._programs))
                say(table(rows, self._traced, path.parent))

    def _begin(self) -> None:
        if self._tracing:
            return
        options = jax.profiler.ProfileOptions()
        options.python_tracer_level = 0  # frames of Python are many, and slow what they are in
        self._open = False
        with self._no_harm():
            # A trace that cannot be written in the end could not be ended, either.
            self._folder.mkdir(parents=True, exist_ok=True)
            jax.profiler.start_trace(str(self._folder), profiler_options=options)
            self._tracing = self._open = True

    @contextlib.contextmanager
    def _no_harm(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            warn(f"no profile in {self._folder}: {said}")


def layers_of(programs: Iterable[Compiled]) -> dict[tuple[str, str], str]:
    """The layers, by the name of a program and of an op in it; ops outside of layers are left out.

    The last op of a fusion gives it its name.
    """
    found = {}
    for program in programs:
        text = program.as_text() or ""
        (module,) = re.findall(r"^HloModule ([^\s,]+)", text)
        for op, names in re.findall(r'^\s*(?:ROOT )?%?(\S+) = .*op_name="([^"]*)"', text, re.M):
            if layer := str(place(names.rpartition("/")[0])):
                found[module, op] = layer
    return found


def slowest(path: Path, steps: int, layers: Mapping[tuple[str, str], str]) -> list[Slow]:
    """The layers of a trace that take longest.

    Args:
        path: a ``*.trace.json.gz`` of JAX's profiler.
        steps: how many steps it shows.
        layers: the names of layers, from `layers_of`; what has none counts by its op.

    Returns:
        At most `ROWS`, the slowest first; none where the trace has no ops.
    """
    # Not by ProfileData: reading the stats of an event ended the process with jax 0.12.
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    threads = collections.defaultdict(list)
    for event in events:
        args = event.get("args", {})
        name = str(args.get("hlo_op") or "")
        if name and "dur" in event:
            name = layers.get((str(args.get("hlo_module")), name), name)
            start, length = round(1e3 * event["ts"]), round(1e3 * event["dur"])
            threads[event["pid"], event["tid"]].append((name, start, start + length))
    sums: collections.Counter[str] = collections.Counter()
    for ops in threads.values():
        for name, nanoseconds in own_times(ops):
            sums[name] += nanoseconds
    total = sum(sums.values())
    return [Slow(name, 1e-6 * ns / steps, ns / total) for name, ns in sums.most_common(ROWS) if ns]


def own_times(events: Iterable[tuple[str, int, int]]) -> Iterator[tuple[str, int]]:
    """The time that each event takes without those inside of it.

    Args:
        events: name, start and end of the events of one thread.

    >>> list(own_times([("while", 0, 10), ("add", 1, 4), ("dot", 5, 9)]))
    [('add', 3), ('dot', 4), ('while', 3)]
    """
    around: list[list[Any]] = []  # name, end and the time left of those that have begun
    for name, start, end in sorted(events, key=lambda event: (event[1], -event[2])):
        while around and around[-1][1] <= start:
            yield around[-1][0], around.pop()[2]
        if around:
            around[-1][2] -= end - start
        around.append([name, end, end - start])
    for name, _, left in reversed(around):
        yield name, left


def table(rows: list[Slow], steps: int, folder: Path) -> str:
    """What is printed."""
    counted = "1 step" if steps == 1 else f"{steps} steps"
    lines = [f"profile: {counted} in {folder} (open it in Perfetto or TensorBoard)"]
    if not rows:
        return f"{lines[0]}; the trace names no ops"
    width = max(len("slowest layers"), *(len(row.name) for row in rows))
    lines.append(f"  {'slowest layers':{width}}  ms per step  share")
    for row in rows:
        lines.append(f"  {row.name:{width}}  {row.milliseconds:11.3f}  {row.share:5.1%}")
    return "\n".join(lines)
