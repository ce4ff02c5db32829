"""Arguments named or shaped as in PyTorch and Keras are answered in one sentence."""

import inspect
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn import layers
from jaxcnn.ops import habits

KEY = jax.random.key(0)
X, KERNEL = np.zeros((1, 32, 30, 3), np.float32), np.zeros((5, 5, 3, 6), np.float32)
NCHW, OIHW = X.transpose(0, 3, 1, 2), KERNEL.transpose(3, 2, 0, 1)
IOHW = np.zeros((3, 6, 5, 5), np.float32)
BYTES = X.astype(np.uint8)
Tensor = type("Tensor", (), {"__module__": "torch"})
EagerTensor = type("EagerTensor", (), {"__module__": "tensorflow.python.framework.ops"})
Image = type("Image", (), {"__module__": "PIL.Image"})

CALLS = {
    "kernel_size of a layer": ("Conv2d: `kernel_size` is called `window` here", lambda: layers.Conv2d(6, kernel_size=5)),
    "nothing else": ("Conv2d: `kernel_size` is called `window` here", lambda: layers.Conv2d(kernel_size=5)),
    "in_channels of a layer": ("Conv2d: there is no `in_channels`: the input's shape says it", lambda: layers.Conv2d(in_channels=3, out_channels=6)),
    "pool layer": ("MaxPool2d: `kernel_size` is called `window` here", lambda: layers.MaxPool2d(kernel_size=2)),
    "dense layer": ("Dense: `out_features` is called `features` here", lambda: layers.Dense(out_features=10)),
    "Keras' dense layer": ("Dense: `units` is called `features` here", lambda: layers.Dense(units=10)),
    "positional options of a layer": ("Conv2d: only `out_channels`, `window` may come without a name, got 4 values; give the others by name, such as `stride`", lambda: layers.Conv2d(3, 6, 5, 1)),
    "no arguments at all": ("Flatten: no argument is taken, got 1 values", lambda: layers.Flatten(1)),
    "kernel_size of a convolution": ("conv2d: there is no `kernel_size`: the shape of `kernel`, (*window, in, out), says it", lambda: jc.conv2d(X, KERNEL, kernel_size=5)),
    "in_channels of a convolution": ("conv2d: there is no `in_channels`: the shape of `kernel`, (*window, in, out), says it", lambda: jc.conv2d(X, KERNEL, in_channels=3)),
    "weight": ("conv2d: `weight` is called `kernel` here", lambda: jc.conv2d(X, weight=KERNEL)),
    "weight twice": ("conv2d: there is no `weight` among the arguments `x`, `kernel`, `bias`, `stride`, `padding`, `dilation`, `groups`, `padding_mode`, `layout`, `algorithm`, `precision`, `preferred_element_type`", lambda: jc.conv2d(X, kernel=KERNEL, weight=KERNEL)),
    "positional options": ("conv2d: only `x`, `kernel`, `bias` may come without a name, got 5 values; give the others by name, such as `stride`", lambda: jc.conv2d(X, KERNEL, None, 2, 1)),
    "strides": ("conv2d: `strides` is called `stride` here", lambda: jc.conv2d(X, KERNEL, strides=2)),
    "data_format": ("conv2d: `data_format` is called `layout` here", lambda: jc.conv2d(X, KERNEL, data_format="NCHW")),
    "pool": ("max_pool2d: `kernel_size` is called `window` here", lambda: jc.max_pool2d(X, kernel_size=2)),
    "dim": ("layer_norm: `dim` is called `axes` here", lambda: jc.layer_norm(X, dim=-1)),
    "eps": ("layer_norm: `eps` is called `epsilon` here", lambda: jc.layer_norm(X, axes=-1, eps=1e-6)),
    "num_features": ("batch_norm: there is no `num_features`: the input's shape says it", lambda: jc.batch_norm(X, num_features=3)),
    "p": ("dropout: `p` is called `rate` here", lambda: jc.dropout(KEY, X, p=0.5)),
    "training": ("dropout: there is no `training`: leave the call out at evaluation", lambda: jc.dropout(KEY, X, rate=0.5, training=False)),
    "scale_factor": ("resize: `scale_factor` is called `scale` here", lambda: jc.resize(X, scale_factor=2)),
    "mode": ("resize: `mode` is called `method` here", lambda: jc.resize(X, 2, mode="nearest")),
    "recompute_scale_factor": ("resize: there is no `recompute_scale_factor`: `scale` is used as it is given, `size` otherwise", lambda: jc.resize(X, scale=2, recompute_scale_factor=True)),
    "misspelt": ("conv2d: there is no `paddings`; did you mean `padding`?", lambda: jc.conv2d(X, KERNEL, paddings=1)),
    "inplace": ("dropout: there is no `inplace`: arrays never change in place", lambda: jc.dropout(KEY, X, rate=0.5, inplace=True)),
    "unknown": ("global_avg_pool: there is no `zebra` among the arguments `x`, `layout`", lambda: jc.global_avg_pool(X, zebra=1)),
    "border": ("conv2d: `padding_mode` must be one of ('zeros', 'reflect', 'replicate', 'circular'), got 'border'; 'border' is called 'replicate' here", lambda: jc.conv2d(X, KERNEL, padding_mode="border")),
    "trilinear": ("resize: `method` must be one of ('bilinear', 'nearest', 'nearest_exact', 'bicubic', 'area'), got 'trilinear'; 'trilinear' is called 'bilinear' here", lambda: jc.resize(X, 2, method="trilinear")),
    "capitals": ("conv2d: `padding` must be ints, pairs or one of ('valid', 'same', 'full'), got 'SAME'; 'SAME' is called 'same' here", lambda: jc.conv2d(X, KERNEL, padding="SAME")),
    "a mode that is no text": ("conv2d: `padding_mode` must be one of ('zeros', 'reflect', 'replicate', 'circular'), got 3", lambda: jc.conv2d(X, KERNEL, padding_mode=3)),
    "a layer that is called": ("Layer: a layer is not called: `params, state = model.init(key, x.shape)` once, then `y, state = model.apply(params, state, x)`", lambda: layers.Flatten()(X)),
    "a picture of bytes": ("conv2d: `kernel` must have the dtype of `x`, got float32 and uint8; `x.astype(jnp.float32) / 255` makes a picture of it", lambda: jc.conv2d(BYTES, KERNEL)),
    "integers": ("conv2d: `kernel` must have the dtype of `x`, got float32 and int32; `x.astype(jnp.float32)` makes them real", lambda: jc.conv2d(X.astype(np.int32), KERNEL)),
    "bytes to resize": ("resize: `x` must be floating point, got uint8; `x.astype(jnp.float32) / 255` makes a picture of it", lambda: jc.resize(BYTES, 2)),
    "a tensor": ("conv2d: `x` must be an array, got Tensor of torch; `x.detach().cpu().numpy()` is one", lambda: jc.conv2d(Tensor(), KERNEL)),
    "a kernel of TensorFlow": ("conv2d: `kernel` must be an array, got EagerTensor of TensorFlow; `kernel.numpy()` is one", lambda: jc.conv2d(X, EagerTensor())),
    "an image of Pillow": ("max_pool2d: `x` must be an array, got Image of Pillow; `numpy.asarray(x)` is one", lambda: jc.max_pool2d(Image(), 2)),
    "one image": ("conv2d: `x` must have 4 axes (NHWC), got 3 in shape (32, 30, 3); `x[None]` adds a batch axis", lambda: jc.conv2d(X[0], KERNEL)),
    "channels first": ("conv2d: `kernel` has 3 input channels, but `x` has 30 channels in 1 group (layout NHWC); `x` seems to have the axes of layout 'NCHW'", lambda: jc.conv2d(NCHW, KERNEL)),
    "channels last": ("conv2d: `kernel` has 3 input channels, but `x` has 32 channels in 1 group (layout NCHW); `x` seems to have the axes of layout 'NHWC'", lambda: jc.conv2d(X, KERNEL, layout="NCHW")),
    "kernel of torch": ("conv2d: `kernel` has 5 input channels, but `x` has 3 channels in 1 group (layout NHWC); `kernel` seems to be PyTorch's, which `kernel.transpose(2, 3, 1, 0)` turns round", lambda: jc.conv2d(X, OIHW)),
    "both of torch": ("conv2d: `kernel` has 5 input channels, but `x` has 30 channels in 1 group (layout NHWC); `x` and `kernel` seem to be PyTorch's, which takes layout 'NCHW' and `kernel.transpose(2, 3, 1, 0)`", lambda: jc.conv2d(NCHW, OIHW)),
    "transposed kernel of torch": ("conv_transpose2d: `kernel` has 5 input channels, but `x` has 3 channels (layout NHWC); `kernel` seems to be PyTorch's, which `kernel.transpose(2, 3, 0, 1)` turns round", lambda: jc.conv_transpose2d(X, IOHW)),
    "neither": ("conv2d: `kernel` has 3 input channels, but `x` has 7 channels in 1 group (layout NHWC)", lambda: jc.conv2d(np.zeros((1, 8, 8, 7), np.float32), KERNEL)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_is_answered_in_one_sentence(name: str) -> None:
    message, call = CALLS[name]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    said = str(caught.value)
    assert said == message
    assert caught.value.__context__ is None
    assert "\n" not in said


FUNCTIONS = [
    *(getattr(jc, name) for name in jc.ops.__all__),
    *(getattr(layers, name) for name in layers.__all__),
]
FUNCTIONS = [function for function in FUNCTIONS if inspect.isfunction(function)]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_function_answers_and_stays_what_it_is(function: Any) -> None:
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    if inspect.Parameter.VAR_KEYWORD not in kinds:  # every name is a layer's, or an option's, there
        with pytest.raises(TypeError, match=rf"^{function.__name__}: there is no `zebra`"):
            function(zebra=1)
    assert pickle.loads(pickle.dumps(function)) is function
    assert inspect.signature(function) == inspect.signature(function.__wrapped__)
    assert function.__doc__ == function.__wrapped__.__doc__


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'kernel'"):
        jc.conv2d(X)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"conv2d: `stride` must be an int, got 1\.5"):
        jc.conv2d(X, KERNEL, stride=1.5)  # type: ignore[arg-type]


def test_names_that_are_answered_are_names_here() -> None:
    parameters = {p for function in FUNCTIONS for p in inspect.signature(function).parameters}
    planned = {"train"}  # of layers to come, beside `apply`
    assert {new for names in habits.CALLED.values() for new in names} <= parameters | planned
    assert jnp.all(jc.resize(X, scale=1) == X)
