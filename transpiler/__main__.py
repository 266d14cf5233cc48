"""`python -m transpiler` is the command `transpiler`."""

import sys

from transpiler.cli import main

if __name__ == "__main__":
    sys.exit(main())
