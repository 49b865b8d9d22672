#!/usr/bin/env python3
"""Read "go test -json", print what "go test" would, and keep count.

    go test -json ./... | summary.py COUNTS          # prints; adds to the JSON file COUNTS
    ... | summary.py COUNTS --logs                   # prints what passing tests log, too
    ... | summary.py COUNTS --no-skip PATTERN        # fails when a test skips for such a reason
    summary.py COUNTS --total                        # prints "N passed, N failed, N skipped"

Of a test that passes only its package's line is printed; of one that fails everything; of one
that skips its reason. Tests and subtests count alike. A test that never ended (a crash, a
timeout) counts as failed, and so does a package that fails without one, as when it cannot be built.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

ENDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}


class Follower:
    """Prints events as they come and counts how tests end."""

    def __init__(self, logs: bool = False, no_skip: str | None = None) -> None:
        self.logs = logs
        self.no_skip = no_skip
        self.refused: list[str] = []  # tests that skipped for a reason that no_skip matches
        self.counts: Counter = Counter()
        self._output: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))  # of running tests, by package
        self._failed: set[str] = set()  # packages with a failed test

    def take(self, event: dict) -> None:
        package, test = event.get("Package", ""), event.get("Test")
        if test is not None:
            self._take_test(package, test, event)
        elif event["Action"] in ("output", "build-output"):
            if event["Output"].startswith("FAIL\t"):
                self._end_running(package)
            if event["Output"] != "PASS\n":  # which "go test" shows with -v only
                show([event["Output"]])
        elif event["Action"] == "fail":
            self._end_running(package)
            if package not in self._failed:
                self._fail(package)

    def _take_test(self, package: str, test: str, event: dict) -> None:
        running, action = self._output[package], event["Action"]
        if action == "run":
            running[test] = []
        elif action == "output":
            running[test].append(event["Output"])
        elif action in ENDS:
            output = running.pop(test, [])
            if action != "pass" or self.logs:
                show(output)
            if action == "skip" and self.no_skip and re.search(self.no_skip, "".join(output)):
                self.refused.append(f"{package} {test}")
            if action == "fail":
                self._fail(package)
            else:
                self.counts[ENDS[action]] += 1

    def _end_running(self, package: str) -> None:
        for output in self._output.pop(package, {}).values():
            show(output)
            self._fail(package)

    def _fail(self, package: str) -> None:
        self.counts["failed"] += 1
        self._failed.add(package)


def show(output: list[str]) -> None:
    print(*(line for line in output if not line.startswith("===")), sep="", end="", flush=True)


def follow(lines, follower: Follower) -> Counter:
    """Show a stream of events and return how many tests ended how."""
    for line in lines:
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            show([line])  # go's own message, not an event
            continue
        follower.take(event)
    return follower.counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=Path)
    parser.add_argument("--total", action="store_true")
    parser.add_argument("--logs", action="store_true")
    parser.add_argument("--no-skip", metavar="PATTERN")
    args = parser.parse_args()
    counts = Counter(json.loads(args.counts.read_text())) if args.counts.exists() else Counter()
    if args.total:
        print(", ".join(f"{counts[end]} {end}" for end in ENDS.values()))
        return
    follower = Follower(args.logs, args.no_skip)
    counts += follow(sys.stdin, follower)
    args.counts.write_text(json.dumps(counts))
    if follower.refused:
        sys.exit("these may not be skipped here: " + ", ".join(follower.refused))


if __name__ == "__main__":
    main()
