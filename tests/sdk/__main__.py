"""``python -m tests.sdk [name ...] [-- pytest arguments]``: every SDK's journey, and the table of steps."""

import sys
from collections.abc import Sequence

from tests.sdk import harness


def main(arguments: Sequence[str]) -> int:
    """Return 0 when every journey passed."""
    before, _, after = " ".join(arguments).partition("--")
    chosen, unknown = before.split() or harness.names(), set(before.split()) - set(harness.names())
    if unknown:
        print(f"no SDK is called {', '.join(sorted(unknown))}; there are {', '.join(harness.names())}", file=sys.stderr)
        return 2
    results = []
    for name in chosen:
        print(f"== {name}", flush=True)
        results.append(harness.run(name, after.split()))
    print(f"\n{harness.table(results)}\n")
    return max(one.code for one in results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
