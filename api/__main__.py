"""`python -m api …` is `lucid …`."""

import sys

from api.cli import main

sys.exit(main())
