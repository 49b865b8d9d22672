#!/usr/bin/env python3
"""Make centerface.onnx take pictures of any size.

    python centerface.py raw/centerface.onnx new/centerface.onnx

The published graph is fixed to a batch of 10 pictures of 32x32 and lists its weights
among its inputs. The nodes do not depend on the size, so two edits are enough: give the
input and outputs named dimensions, and keep only true inputs as inputs. (As inputs, the
weights could be fed from outside, which keeps the runtime from folding them.) Weights
that no node reads, left over from merging the batch normalisations, are dropped.
"""

import argparse
from pathlib import Path

import onnx

INPUT_DIMS = ("batch", 3, "height", "width")
OUTPUT_DIMS = ("batch", None, "out_height", "out_width")  # None: keep the channel count


def set_dims(value: onnx.ValueInfoProto, dims: tuple) -> None:
    """Give value the named (str) or fixed (int) dimensions; None leaves one as it is."""
    for have, want in zip(value.type.tensor_type.shape.dim, dims, strict=True):
        if isinstance(want, str):
            have.dim_param = want
        elif want is not None:
            have.dim_value = want


def make_dynamic(model: onnx.ModelProto) -> onnx.ModelProto:
    """Edit model in place as the module's comment says and return it."""
    graph = model.graph
    weights = {w.name for w in graph.initializer}
    inputs = [i for i in graph.input if i.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)

    read = {name for node in graph.node for name in node.input}
    kept = [w for w in graph.initializer if w.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)

    for value in graph.input:
        set_dims(value, INPUT_DIMS)
    for value in graph.output:
        set_dims(value, OUTPUT_DIMS)
    del graph.value_info[:]  # would still state 32x32
    onnx.checker.check_model(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    args.target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(make_dynamic(onnx.load(args.source)), args.target)
    print(f"{args.target}: {args.target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
