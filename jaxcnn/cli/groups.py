"""The groups of options in the help of ``jaxcnn train`` and ``jaxcnn sweep``."""

GROUPS = {
    "model": ("model", "model-options", "init-from", "skip-head", "freeze"),
    "data": (
        "dataset", "data-dir", "split", "test-split", "validation", "validation-seed",
        "image-size", "resize-shorter", "random-crop", "channels", "strict", "normalize", "augment",
        "crop-area", "crop-padding", "cutout-size", "jitter", "rand-magnitude", "mixup-alpha",
        "label-smoothing",
    ),
    "optimization": (
        "epochs", "batch-size", "optimizer", "lr", "momentum", "weight-decay", "decay-all",
        "schedule", "warmup-steps", "clip-norm", "ema", "accumulate",
        "seed", "seeds", "skip-nonfinite",
    ),
    "run": (
        "config", "from", "run-dir", "experiment", "overwrite", "resume", "accept-engine",
        "checkpoint-every", "checkpoint-minutes", "keep", "best-by", "early-stop",
        "tensorboard", "wandb", "profile", "quiet",
    ),
    "device": (
        "platform", "devices", "fsdp", "batch-norm", "precision", "streaming", "at-once",
        "distributed", "coordinator", "num-processes", "process-id",
    ),
}  # fmt: skip
"""The title of each group, and its options."""
