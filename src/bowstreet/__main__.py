"""`python -m bowstreet`."""

import sys

from bowstreet.cli import main

sys.exit(main())
