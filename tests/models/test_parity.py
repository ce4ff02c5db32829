"""Every model of the zoo beside its twin in torch, by golden files."""

import inspect

import jax
import numpy as np
import pytest

from jaxcnn.layers import Layer, summary
from jaxcnn.models import MODELS
from jaxcnn.models.facts import FACTS
from tests.models.parity import differences
from tests.models.zoo import CLASSES, FIRSTS, ZOO, ZooCase


def zoo(*, quick: tuple[str, ...] = (), heavy: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """One model of each paper; the others, and those that are heavy, are left to `make zoo`."""
    params = []
    for case in ZOO:
        first = FIRSTS[case.family] == case.name and case.name not in heavy
        marks = () if case.name in quick else pytest.mark.slow if first else pytest.mark.deep
        params.append(pytest.param(case, id=case.name, marks=marks))
    return pytest.mark.parametrize("case", params)


def test_every_model_is_compared():
    assert {case.name for case in ZOO} == set(MODELS) == set(FACTS)
    assert len(ZOO) == len(MODELS) == 37


def test_golden_files_are_those_of_the_models():
    files = {path.stem for path in ZOO[0].golden.parent.glob("*.npz")}
    assert files == set(MODELS)
    assert sum(case.golden.stat().st_size for case in ZOO) < 1_000_000


@zoo(
    quick=("lenet_bn", "resnet20"),
    heavy=("vgg11_bn", "inception_v3", "densenet121", "regnet_y_400mf"),
)
@pytest.mark.slow
def test_parity(case: ZooCase):
    found = differences(case)
    jax.clear_caches()
    assert found.parameters == np.load(case.golden)["parameters"]
    assert found.evaluated < 1e-4
    assert found.trained < 1e-4
    assert found.statistics < 1e-4
    assert found.gradients < 1e-3


@zoo(quick=("lenet", "lenet_bn", "nin", "resnet20"))
def test_facts(case: ZooCase):
    """Parameters and multiply-adds that `jaxcnn models` lists."""
    facts = FACTS[case.name]
    rows = summary(MODELS[case.name](facts.classes), (1, *facts.image))
    assert sum(row.parameters for row in rows) == facts.parameters
    assert sum(row.flops or 0 for row in rows) == 2 * facts.multiply_adds


STEMS = [name for name, model in MODELS.items() if "stem" in inspect.signature(model).parameters]


@pytest.mark.slow
@pytest.mark.parametrize("name", STEMS)
def test_small_images(name):
    """The stem for small images leaves 32×32 pixels enough to see, and other names are refused."""
    model = MODELS[name](CLASSES, stem="small")
    shape = (2, 32, 32, 1)

    def logits(key):
        params, state = model.init(key, shape)
        return model.apply(params, state, jax.numpy.ones(shape))[0]

    assert jax.eval_shape(logits, jax.random.key(0)).shape == (2, CLASSES)
    assert isinstance(model, Layer)
    with pytest.raises(ValueError, match=f"^{name}: `stem` must be 'imagenet' or 'small', got 'x'"):
        MODELS[name](CLASSES, stem="x")
