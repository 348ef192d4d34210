"""`lucid serve` with batches of one order: the write path without coalescing, each order with a commit of its own.

python -m bench.alone serve --port 8000
"""

import sys

from api.cli import main
from api.ledger import transfers

if __name__ == "__main__":
    assert transfers.BATCH_MAX > 1
    transfers.BATCH_MAX = 1
    sys.exit(main(sys.argv[1:]))
