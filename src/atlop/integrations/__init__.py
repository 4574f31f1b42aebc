"""Components for other libraries, each in the module that has its name; none is imported with atlop."""
