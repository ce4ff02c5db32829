"""The ops again, in torch: same names, same options, the op's own layout."""
