"""Pictures as MODNet wants them; shared by quantise_modnet.py and verify.py."""

from pathlib import Path

import cv2
import numpy as np

SUFFIXES = {".jpg", ".jpeg", ".png"}
SHORT_SIDE = 512  # pixels; what MODNet was trained with
MULTIPLE = 32  # MODNet halves its input five times


def pictures(folder: Path, limit: int | None = None) -> list[Path]:
    """Return the pictures directly in folder by name, at most limit; raise when there is none."""
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)[:limit]
    if not found:
        raise FileNotFoundError(f"no {', '.join(sorted(SUFFIXES))} in {folder}")
    return found


def read_rgb(path: Path) -> np.ndarray:
    """Return the stored pixels as RGB; EXIF orientation is ignored, a turned portrait is as good a sample."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise ValueError(f"{path} cannot be read as a picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def modnet_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height with a short side of 512, both cut down to multiples of 32."""
    short = min(width, height)
    wide, high = int(width / short * SHORT_SIDE), int(height / short * SHORT_SIDE)
    return wide - wide % MULTIPLE, high - high % MULTIPLE


def modnet_input(picture: np.ndarray) -> np.ndarray:
    """Return an RGB picture as MODNet's input: NCHW float32, -1..1."""
    size = modnet_size(picture.shape[1], picture.shape[0])
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return ((small.astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)[None]
