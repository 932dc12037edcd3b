"""`python -m gannets` is `gannets`."""

from gannets.cli import run

if __name__ == "__main__":
    run()
