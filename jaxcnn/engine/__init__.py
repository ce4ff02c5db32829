"""Computes the convolutions and pools that `jaxcnn.ops` defines, by the algorithm fit for each."""

import jaxcnn.engine.accelerators  # noqa: F401 - it registers how GPUs and TPUs compute
from jaxcnn.engine.channel_sums import OPEN, let_through
from jaxcnn.engine.channel_sums import moments as channel_moments
from jaxcnn.engine.channel_sums import spread as channel_spread
from jaxcnn.engine.channel_sums import sums as channel_sums
from jaxcnn.engine.choice import ALGORITHMS
from jaxcnn.engine.convolution import convolve
from jaxcnn.engine.fusion import Fused, fuse
from jaxcnn.engine.hook import accelerate, accelerated, restore
from jaxcnn.engine.max_pool import max_pool
from jaxcnn.engine.memory import keep_memory
from jaxcnn.engine.pool_windows import Windows
from jaxcnn.engine.portable.bins import even_bins, max_bins, mean_bins
from jaxcnn.engine.portable.positions import max_positions, take_positions
from jaxcnn.engine.portable.unpool import unpool
from jaxcnn.engine.preparation import prepare
from jaxcnn.engine.provenance import Identity, identity
from jaxcnn.engine.sum_pool import sum_pool
from jaxcnn.engine.survey import Explanation, cache_file, explain, tune

__all__ = [
    "ALGORITHMS",
    "OPEN",
    "Explanation",
    "Fused",
    "Identity",
    "Windows",
    "accelerate",
    "accelerated",
    "cache_file",
    "channel_moments",
    "channel_spread",
    "channel_sums",
    "convolve",
    "even_bins",
    "explain",
    "fuse",
    "identity",
    "keep_memory",
    "let_through",
    "max_bins",
    "max_pool",
    "max_positions",
    "mean_bins",
    "prepare",
    "restore",
    "sum_pool",
    "take_positions",
    "tune",
    "unpool",
]
