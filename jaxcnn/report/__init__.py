"""Writes the report of one or several runs: one self-contained HTML page."""

from jaxcnn.extras import require

require("jaxcnn.report", "train")

from jaxcnn.report.page import Report, write_report

__all__ = ["Report", "write_report"]
