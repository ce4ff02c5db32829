"""A NumPy version of every op in float64 and plain loops, which the tests compare with.

Every function here has the name, the arguments and the result of its twin in `jaxcnn.ops`, but
takes NumPy arrays, computes in float64 whatever it is given, and is written to be read, not to
be fast. Options that only say *how* (``algorithm``, ``precision``) are left out.
"""
