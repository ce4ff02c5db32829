"""The report of a run, or of several: one HTML page that needs nothing else."""

from jaxcnn.extras import require

require("jaxcnn.report", "train")

from jaxcnn.report.page import Report, write_report

__all__ = ["Report", "write_report"]
