"""`python -m gannets` is `gannets`."""

import sys

from gannets.cli import main

if __name__ == "__main__":
    sys.exit(main())
