"""Times jaxcnn beside other libraries in the same process; `make bench` runs all tables."""
