"""Options of the runs in this folder."""

# The twins need torch, and hold no doctest.
collect_ignore = ["twins"]
