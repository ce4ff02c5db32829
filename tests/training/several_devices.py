"""Trainings on simulated devices: ``python -m tests.training.several_devices`` tells of them.

Simulated devices have to be asked for before JAX starts, so this is a process of its own, with
``XLA_FLAGS=--xla_force_host_platform_device_count=8``. It writes one line of JSON: what is found
of each way to spread a training, by its name.
"""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxcnn.data import Split
from jaxcnn.layers import (
    BatchNorm,
    Conv2d,
    Dense,
    DepthwiseConv2d,
    Dropout,
    GlobalAvgPool,
    Sequential,
    summary,
)
from jaxcnn.training import Task, begin, compile_programs, fit, members_of, single
from jaxcnn.training.spread import ALONE, spread_over

COUNT, SIZE, STEPS = 71, 16, 20
COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")


def network(dropout=0.0):
    """Grouped and dense convolutions, batch norms, and noise where it is wanted."""
    return Sequential(
        conv=Conv2d(16, 3, padding=1, bias=False), norm1=BatchNorm(),
        depthwise=DepthwiseConv2d(3, padding=1, bias=False), norm2=BatchNorm(),
        grouped=Conv2d(32, 3, groups=4, bias=False), norm3=BatchNorm(),
        pool=GlobalAvgPool(), drop=Dropout(dropout), dense=Dense(4),
    )  # fmt: skip


def data(count=COUNT):
    rng = np.random.default_rng(0)
    images = rng.standard_normal((count, 8, 8, 3)).astype(np.float32)
    return Split(images, rng.integers(0, 4, count).astype(np.int32))


def task(model, **changes):
    own = Task(model, lambda rate: optax.sgd(rate, momentum=0.9), data(), {"test": data()}, SIZE)
    return own._replace(**changes)


def trained(devices, epochs=2, members=None, **changes):
    """The events' end, and the programs, of a training."""
    members = single(0, 0.03) if members is None else members
    programs = compile_programs(task(**{"model": network(), **changes}), members, devices=devices)
    *_, last = fit(programs, begin(programs), epochs=epochs)
    return last, programs


def distance(one, other):
    """The largest difference of parameters and statistics."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(jnp.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in pairs)


def collectives(programs):
    text = programs.compiled[0].as_text()
    return {name: len(re.findall(rf" {name}(?:-start)?\(", text)) for name in COLLECTIVES}


def bytes_of(state):
    """Those of a state as a whole, and on the first device."""
    leaves = jax.tree.leaves(state)
    return sum(leaf.nbytes for leaf in leaves), sum(
        leaf.addressable_shards[0].data.nbytes for leaf in leaves
    )


def compared(devices, alone, **changes):
    last, programs = trained(devices, **changes)
    whole, mine = bytes_of(last.moment.state)
    its = (alone.moment.state.params, alone.moment.state.model_state)
    return {
        "distance": distance((last.moment.state.params, last.moment.state.model_state), its),
        "examples": np.asarray(last.totals.examples).tolist(),
        "scored": np.asarray(last.scores["test"].totals.examples).tolist(),
        "guesses": bool((last.scores["test"].guesses == alone.scores["test"].guesses).all()),
        "collectives": collectives(programs),
        "bytes": [whole, mine],
        "native": "jaxcnn" in programs.compiled[0].as_text(),
    }


def local_batch_norm():
    """One step of eight devices beside the mean of eight steps of one, each with its own share."""
    model, size = network(), 16
    images, labels = data().images[:size], data().labels[:size]
    split = Split(images, labels)
    options = {"train_set": split, "scored": {}, "optimizer": lambda rate: optax.sgd(rate)}
    spread = compile_programs(task(model, **options), single(0, 0.1), devices=spread_over(8, local_batch_norm=True))  # fmt: skip
    state, _ = spread.advance(spread.start(), spread.zero(), spread.shuffle(1), 0, 1)
    order, begun = np.asarray(spread.shuffle(1)), spread.start()

    def loss(params, part):
        y, new = model.apply(params, jax.device_get(begun.model_state), images[part], train=True)
        return optax.softmax_cross_entropy_with_integer_labels(y, labels[part]).mean(), new

    parts = order.reshape(8, 2)
    found = [jax.grad(loss, has_aux=True)(jax.device_get(begun.params), part) for part in parts]
    grads, news = jax.tree.map(lambda *each: sum(each) / 8, *found)
    wanted = jax.tree.map(lambda p, g: p - 0.1 * g, jax.device_get(begun.params), grads)
    return distance((state.params, state.model_state), (wanted, news))


def curves():
    """After each of 20 steps in float64, how far eight devices are from one."""
    with jax.enable_x64(True):
        images, labels = data(320).images.astype(np.float64), data(320).labels
        doubles = Split(images, labels)
        made = network()
        drawn = jax.tree.map(
            lambda leaf: np.asarray(leaf, np.float64), made.init(jax.random.key(0), (1, 8, 8, 3))
        )
        model = made._replace(init=lambda key, shape: jax.tree.map(jnp.asarray, drawn))
        options = {"train_set": doubles, "scored": {}, "optimizer": lambda rate: optax.sgd(0.1)}
        states = []
        for devices in (ALONE, spread_over(8)):
            programs = compile_programs(task(model, **options), single(0, 0.1), devices=devices)
            state, totals, order = programs.start(), programs.zero(), programs.shuffle(1)
            states.append([])
            for step in range(STEPS):
                state, totals = programs.advance(state, totals, order, step, step + 1)
                states[-1].append(jax.device_get(state.params))
        return max(distance(one, other) for one, other in zip(*states, strict=True))


def scaling():
    """Per device, the work and the bytes that are added up, for one to eight devices."""
    found = {}
    parameters = sum(row.parameters for row in summary(network(), (1, 8, 8, 3)))
    for count in (1, 2, 4, 8):
        devices = ALONE if count == 1 else spread_over(count)
        split = data(64 * count)
        one = task(network(), train_set=split, batch_size=64 * count, scored={})
        (compiled,) = compile_programs(one, single(0, 0.1), devices=devices).compiled
        text = compiled.as_text()
        reduced = 0
        for line in text.splitlines():
            if re.search(r" all-reduce(?:-start)?\(", line):
                kinds = line.split(" all-reduce")[0]
                for sizes in re.findall(r"f32\[([\d,]*)\]", kinds):
                    reduced += 4 * int(np.prod([int(n) for n in sizes.split(",") if n] or [1]))
        found[count] = {"flops": compiled.cost_analysis()["flops"], "reduced": reduced}
    return {"parameters": parameters, "by_devices": found}


def main():
    alone, _ = trained(ALONE)
    noisy, _ = trained(ALONE, model=network(0.5))
    several, _ = trained(ALONE, members=members_of([(0, 0.03), (1, 0.01)]))
    parts, _ = trained(ALONE, at_most=8)
    found = {
        "shared": compared(spread_over(8), alone),
        "fsdp": compared(spread_over(8, fsdp=True), alone),
        "noise": compared(spread_over(8), noisy, model=network(0.5)),
        "members": compared(spread_over(4), several, members=members_of([(0, 0.03), (1, 0.01)])),
        "parts": compared(spread_over(8), parts, at_most=8),
        "undivided": compared(spread_over(3), alone),
        "local": local_batch_norm(),
        "curves": curves(),
        "scaling": scaling(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
