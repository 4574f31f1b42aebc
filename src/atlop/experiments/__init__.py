"""Tables of training runs: a sweep trains and measures them, a report shows the results."""
