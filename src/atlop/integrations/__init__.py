"""Components for other libraries, each in the module named after its library; none is imported with atlop."""
