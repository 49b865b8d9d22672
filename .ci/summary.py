#!/usr/bin/env python3
"""Read "go test -json", print what "go test" would, and keep count.

    go test -json ./... | summary.py COUNTS          # prints; adds to the JSON file COUNTS
    summary.py COUNTS --total                        # prints "N passed, N failed, N skipped"

Of a test that passes only its package's line is printed; of one that fails everything; of one
that skips its reason. Tests and subtests count alike.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

ENDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def show(event: dict, kept: dict[tuple, list[str]]) -> str | None:
    """Print what event calls for, and return how its test ended, if it did. kept holds the output of running tests."""
    action, name = event["Action"], event.get("Test")
    if action == "build-output" or (action == "output" and name is None):
        if event["Output"] != "PASS\n":  # which "go test" shows with -v only
            print(event["Output"], end="", flush=True)
        return None
    key = (event.get("Package"), name)
    if action == "output":
        kept[key].append(event["Output"])
    if name is None or action not in ENDS:
        return None
    output = kept.pop(key, [])
    if action != "pass":
        print(*(line for line in output if not line.startswith("===")), sep="", end="", flush=True)
    return ENDS[action]


def follow(lines) -> Counter:
    """Show a stream of events and return how many tests ended how."""
    counts, kept = Counter(), defaultdict(list)
    for line in lines:
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            print(line, end="", flush=True)  # go's own message, not an event
            continue
        if end := show(event, kept):
            counts[end] += 1
    for output in kept.values():  # of tests that never ended: a crash or a timeout
        print(*output, sep="", end="")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=Path)
    parser.add_argument("--total", action="store_true")
    args = parser.parse_args()
    counts = Counter(json.loads(args.counts.read_text())) if args.counts.exists() else Counter()
    if args.total:
        print(", ".join(f"{counts[end]} {end}" for end in ENDS.values()))
        return
    counts += follow(sys.stdin)
    args.counts.write_text(json.dumps(counts))


if __name__ == "__main__":
    main()
