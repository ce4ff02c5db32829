"""Leaves the scripts that need torch out of the search for doctests where it is not installed."""

import importlib.util

collect_ignore = [] if importlib.util.find_spec("torch") else ["make.py", "twins.py"]
