"""Side-by-side timings, each a ratio within one process; `make bench` runs them all."""
