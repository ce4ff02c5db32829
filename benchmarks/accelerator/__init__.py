"""Checks and measures jaxcnn on a GPU or TPU: ``python -m benchmarks.accelerator``."""
