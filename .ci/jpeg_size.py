#!/usr/bin/env python3
"""Fail unless a file is a whole JPEG of the given size: jpeg_size.py FILE WIDTH HEIGHT."""

import struct
import sys

FRAMES = {0xC0, 0xC1, 0xC2}  # start of frame: baseline, extended, progressive


def size(data: bytes) -> tuple[int, int]:
    """Return width and height from a JPEG's frame header; raise ValueError for anything else."""
    if data[:2] != b"\xff\xd8" or data[-2:] != b"\xff\xd9":
        raise ValueError("not a whole JPEG")
    at = 2
    while at + 9 <= len(data):
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length
    raise ValueError("no frame header")


if __name__ == "__main__":
    path, want = sys.argv[1], (int(sys.argv[2]), int(sys.argv[3]))
    with open(path, "rb") as f:
        got = size(f.read())
    if got != want:
        sys.exit(f"{path}: {got[0]}x{got[1]}, want {want[0]}x{want[1]}")
    print(f"a JPEG of {got[0]}x{got[1]}")
