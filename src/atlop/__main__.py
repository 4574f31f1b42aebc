"""``python -m atlop``: the command line, where the console script is not on the path."""

from atlop.cli import app

if __name__ == "__main__":
    app(prog_name="atlop")
