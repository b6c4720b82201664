"""Write small graphs with every operator of the engine ``native``, for fuzzing to begin with: ``make_native_corpus.py``.

They become files of tests/fuzz/corpus/native/, named by their digests, and the words of tests/fuzz/native.dict.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus" / "native"
OPSET = 18
Shape = list[int | str]
UNARY = """
    Neg Abs Reciprocal Sqrt Floor Ceil Round Sign Not IsNaN Relu Exp Log Sigmoid Tanh Softplus Erf Sin Cos Tan Asin Acos Atan
    Sinh Cosh Asinh Acosh Atanh LeakyRelu Elu Selu HardSigmoid Gelu Mish HardSwish Softsign Identity Flatten Transpose
    Softmax LogSoftmax ReduceSum ReduceMean ReduceMax ReduceL2 Shape Size Squeeze Dropout
"""
BINARY = "Add Sub Mul Div Pow Less LessOrEqual Greater GreaterOrEqual Equal And Or Xor Min Max Sum Mean PRelu MatMul"


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    """Small floats that are not all the same."""
    return (np.arange(np.prod(shape), dtype=np.float32) % 7 - 3).reshape(shape)


def whole(*values: int) -> np.ndarray[Any, Any]:
    """What shapes, axes and indices are made of."""
    return np.array(values, dtype=np.int64)


def graph(
    op: str, shape: Shape, constants: list[Any], out: Shape, n_outputs: int = 1, **attributes: Any
) -> onnx.ModelProto:
    """One operator between two activations, so that steps meet; constants are its inputs behind the first."""
    names = [f"c{i}" for i in range(len(constants))]
    used = [name if c is not None else "" for name, c in zip(names, constants, strict=True)]
    outputs = [f"y{i}" for i in range(n_outputs)]
    nodes = [
        helper.make_node("Relu", ["x"], ["h"]),
        helper.make_node(op, ["h", *used], outputs, **attributes),
        helper.make_node("Identity", ["y0"], ["z"]),
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, out)],
        [numpy_helper.from_array(c, name) for name, c in zip(names, constants, strict=True) if c is not None],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])


def graphs() -> list[onnx.ModelProto]:
    """All of them."""
    n: Shape = ["n", 6]
    made = [graph(op, n, [], n) for op in UNARY.split()]
    made += [graph(op, n, [numbers(6, 6) if op == "MatMul" else numbers(6)], n) for op in BINARY.split()]
    made += [
        graph("Gemm", n, [numbers(4, 6), numbers(4)], ["n", 4], transB=1, alpha=0.5),
        graph("Clip", n, [np.float32(-1), np.float32(1)], n),
        graph("Where", n, [numbers(6), numbers(6)], n),
        graph("Cast", n, [], n, to=TensorProto.DOUBLE),
        graph("Reshape", n, [whole(-1, 2, 3)], ["n", 2, 3]),
        graph("Reshape", n, [whole(0, 3, 2)], ["n", 3, 2]),
        graph("Unsqueeze", n, [whole(1)], ["n", 1, 6]),
        graph("Squeeze", ["n", 1, 6], [whole(1)], n),
        graph("Expand", ["n", 1, 6], [whole(1, 3, 6)], ["n", 3, 6]),
        graph("Slice", n, [whole(5), whole(-7), whole(1), whole(-2)], ["n", 3]),
        graph("Split", n, [whole(2, 4)], ["n", 2], n_outputs=2, axis=1),
        graph("Gather", n, [whole(1, 0, 4)], ["n", 3], axis=1),
        graph("Concat", n, [], n, axis=1),
        graph("Transpose", ["n", 2, 3], [], ["n", 3, 2], perm=[0, 2, 1]),
        graph("CumSum", n, [whole(1)], n, reverse=1),
        graph("ReduceSum", ["n", 2, 3], [whole(1)], ["n", 3], keepdims=0),
        graph("ReduceProd", ["n", 2, 3], [whole(1, 2)], ["n", 1, 1]),
        graph("LayerNormalization", n, [numbers(6), numbers(6)], n),
        graph("BatchNormalization", ["n", 2, 3], [numbers(2), numbers(2), numbers(2), np.abs(numbers(2))], ["n", 2, 3]),
        graph("GlobalAveragePool", ["n", 2, 3], [], ["n", 2, 1]),
        graph("MaxPool", ["n", 2, 5], [], ["n", 2, 3], kernel_shape=[3], pads=[1, 1], strides=[2]),
        graph("Conv", ["n", 2, 5], [numbers(4, 1, 3), numbers(4)], ["n", 4, 5], pads=[1, 1], group=2),
        graph("Conv", ["n", 2, 4, 4], [numbers(3, 2, 2, 2)], ["n", 3, 2, 2], strides=[2, 2], auto_pad="SAME_UPPER"),
        graph("Conv", ["n", 1, 6], [numbers(2, 1, 2)], ["n", 2, 4], dilations=[2]),
        graph(
            "ConvTranspose",
            ["n", 2, 3],
            [numbers(2, 1, 3)],
            ["n", 2, 7],
            strides=[2],
            output_padding=[1],
            pads=[1, 0],
            group=2,
        ),
        graph("GRU", [3, "n", 2], [numbers(1, 6, 2), numbers(1, 6, 2), numbers(1, 12)], [3, 1, "n", 2], hidden_size=2),
        graph("ConstantOfShape", n, [], n),
    ]
    recurrent = [numbers(2, 8, 2), numbers(2, 8, 2), numbers(2, 16)]
    swap = helper.make_node("Transpose", ["x"], ["s"], perm=[1, 0, 2])
    back = helper.make_node("Transpose", ["y0"], ["t"], perm=[2, 0, 1, 3])
    for op, kept in (("LSTM", 8), ("GRU", 6)):
        weights = [np.ascontiguousarray(w[:, : kept * w.shape[1] // 8]) for w in recurrent]
        model = graph(op, ["n", 3, 2], weights, ["n", 3, 2, 2], hidden_size=2, direction="bidirectional")
        nodes = model.graph.node
        nodes[1].input[0] = "s"
        nodes[2].input[0] = "t"
        ordered = [swap, nodes[1], back, nodes[2]]
        del nodes[:]
        nodes.extend(ordered)
        made.append(model)
    return [*made, shape_of_columns(), two_branches(), *refused()]


def refused() -> list[onnx.ModelProto]:
    """Sizes that do not fit, and that once were not refused."""
    wrong: Shape = ["n", 6]
    return [
        graph("Conv", ["n", 1, 2], [numbers(2, 1, 2)], ["n", 2, 4], dilations=[2]),
        graph("MaxPool", ["n", 1, 4, 4, 4, 4], [], wrong, kernel_shape=[1 << 16] * 4, pads=[1 << 16] * 8),
        graph("Unsqueeze", wrong, [whole(3, 3)], ["n", 6, 1, 1]),
        graph("Slice", wrong, [whole(0), whole(6), whole(1), whole(2**63 - 1)], ["n", 1]),
        graph("Expand", ["n", 1], [whole(1, 2**40)], wrong),
        graph("Identity", wrong, [], ["n", 1]),
    ]


def shape_of_columns() -> onnx.ModelProto:
    """The number of columns, taken from the shape and used in another."""
    model = graph("Reshape", ["n", 6], [], ["n", 3, 2])
    nodes = [
        helper.make_node("Shape", ["x"], ["a"]),
        helper.make_node("Gather", ["a", "zero"], ["b"]),
        helper.make_node("Unsqueeze", ["b", "zeros"], ["c"]),
        helper.make_node("Concat", ["c", "rest"], ["d"], axis=0),
        helper.make_node("Reshape", ["x", "d"], ["z"]),
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for name, value in (("zero", np.array(0, dtype=np.int64)), ("zeros", whole(0)), ("rest", whole(3, 2))):
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    return model


def two_branches() -> onnx.ModelProto:
    """Two layers whose results are joined: buffers become parts of another."""
    model = graph("MatMul", ["n", 6], [numbers(6, 3)], ["n", 6])
    nodes = [
        helper.make_node("MatMul", ["x", "c0"], ["a"]),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("Sigmoid", ["a"], ["c"]),
        helper.make_node("Concat", ["b", "c"], ["d"], axis=1),
        helper.make_node("Add", ["d", "x"], ["z"]),
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def words(models: list[onnx.ModelProto]) -> list[str]:
    """Names of operators and attributes, with their lengths as protocol buffers have them, and numbers at the limits."""
    names = {node.op_type for model in models for node in model.graph.node}
    names |= {
        "CastLike",
        "Constant",
        "RMSNormalization",
        "GlobalMaxPool",
        "ReduceMin",
        "ReduceSumSquare",
        "ReduceL1",
        "Swish",
    }
    attributes = {a.name for model in models for node in model.graph.node for a in node.attribute}
    attributes |= {
        "value",
        "value_int",
        "value_ints",
        "axes",
        "starts",
        "ends",
        "split",
        "shape",
        "ceil_mode",
        "allowzero",
    }
    lines = [f'"\\x22\\x{len(name):02x}{name}"' for name in sorted(names)]
    lines += [f'"\\x0a\\x{len(name):02x}{name}"' for name in sorted(attributes)]
    lines += ['"SAME_LOWER"', '"SAME_UPPER"', '"reverse"', '"bidirectional"', '"tanh"']
    for value in (2**63 - 1, 2**40, 2**31, 2**28, 2**20, 2**64 - 1, 2**63):
        code, left = b"", value
        while left:
            code += bytes([(left & 127) | (128 if left > 127 else 0)])
            left >>= 7
        lines.append('"' + "".join(f"\\x{byte:02x}" for byte in code) + '"')
        lines.append('"' + "".join(f"\\x{byte:02x}" for byte in value.to_bytes(8, "little")) + '"')
    return lines


def main() -> None:
    """Add to the corpus, replace the dictionary."""
    models = graphs()
    CORPUS.mkdir(parents=True, exist_ok=True)
    for model in models:
        data = model.SerializeToString()
        (CORPUS / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    (FOLDER / "native.dict").write_text("\n".join(words(models)) + "\n")
    print(f"{len(models)} graphs")


if __name__ == "__main__":
    main()
