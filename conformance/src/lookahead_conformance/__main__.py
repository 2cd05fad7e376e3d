"""`python -m lookahead_conformance`."""

import sys

from lookahead_conformance.cli import main

sys.exit(main())
