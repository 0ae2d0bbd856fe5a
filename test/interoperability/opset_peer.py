"""The Python side of opsets.test.ts.

export FOLDER   writes ONNX's own backend test cases of single operators, each in every older version of the standard
                operators that onnx.checker accepts it in: <name>.<opset>.onnx and <name>.<opset>.npz with its inputs
                (or <name>.<opset>.json, as the TypeScript side writes them).
compare FOLDER  runs each <name>.onnx and what edgewise made of it, <name>.raised-<opset>.onnx, in ONNX Runtime and holds
                the outputs against each other bit by bit. Prints {"compared", "unsupported", "different": {name: largest
                difference, or what was refused}, "converter"}.
convert FOLDER  the same, and what onnx.version_converter makes of it: {"same", "differs": [...], "fails"}.
"""

import base64
import json
import pathlib
import sys

import numpy as np
import onnx
import onnx.checker
import onnx.defs
import onnx.version_converter
import onnxruntime
from onnx.backend.test.case.node import collect_testcases

OLDEST, NEWEST = 7, 20


def schema_versions(model, opset):
    """Which schemas the model's nodes follow in `opset`; None where one does not exist."""
    try:
        return tuple(onnx.defs.get_schema(node.op_type, opset, "").since_version for node in model.graph.node)
    except onnx.defs.SchemaError:
        return None


def older_models(case):
    seen = set()
    for opset in range(OLDEST, NEWEST + 1):
        versions = schema_versions(case.model, opset)
        if versions is None or versions in seen:
            continue
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        del model.opset_import[:]
        model.opset_import.append(onnx.helper.make_opsetid("", opset))
        model.ir_version = 8
        try:
            onnx.checker.check_model(model)
        except onnx.checker.ValidationError:
            continue
        seen.add(versions)
        yield opset, model


def export(folder):
    for case in collect_testcases(None):
        is_standard = all(node.domain in ("", "ai.onnx") for node in case.model.graph.node)
        inputs = case.data_sets[0][0] if case.data_sets else []
        is_dense = all(isinstance(value, np.ndarray) and value.dtype.kind in "fiub" for value in inputs)
        if not is_standard or not is_dense or case.model.functions:
            continue
        names = [info.name for info in case.model.graph.input]
        for opset, model in older_models(case):
            onnx.save(model, folder / f"{case.name}.{opset}.onnx")
            np.savez(folder / f"{case.name}.{opset}.npz", **dict(zip(names, inputs)))


def run(path_or_bytes, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path_or_bytes, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def is_same(left, right):
    return len(left) == len(right) and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        else repr(a) == repr(b)
        for a, b in zip(left, right)
    )


def read_feeds(path):
    """What to run <path>.onnx on."""
    if path.with_name(path.name + ".npz").exists():
        return dict(np.load(path.with_name(path.name + ".npz")))
    described = json.loads(path.with_name(path.name + ".json").read_text())
    return {
        name: np.frombuffer(base64.b64decode(one["base64"]), dtype=one["elementType"]).reshape(one["shape"])
        for name, one in described.items()
    }


def is_accepted(path):
    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError:  # outputs without a type, say
        return False
    return True


def largest_difference(left, right):
    """Relative to the largest value; infinite where shapes or types differ or values are no numbers."""
    found = 0.0
    for a, b in zip(left, right, strict=True):
        if a.dtype != b.dtype or a.shape != b.shape:
            return float("inf")
        distance = np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)), initial=0)
        found = max(found, float(distance / max(np.max(np.abs(a), initial=0), 1e-30)))
    return found if found == found else float("inf")


def convert(path, opset):
    try:
        return onnx.version_converter.convert_version(onnx.load(path), opset).SerializeToString()
    except Exception:  # it refuses by many kinds of exception
        return None


def compare(folder, asks_converter=False):
    report = {"compared": 0, "unsupported": 0, "different": {}}
    converter = {"same": 0, "differs": [], "fails": 0}
    for raised in sorted(folder.glob("*.raised-*.onnx")):
        name, opset = raised.name[: -len(".onnx")].split(".raised-")
        feeds = read_feeds(folder / name)
        try:
            expected = run(str(folder / f"{name}.onnx"), feeds)
        except Exception:  # no kernel for the type, say
            report["unsupported"] += 1
            continue
        report["compared"] += 1
        try:
            if is_accepted(folder / f"{name}.onnx"):
                onnx.checker.check_model(str(raised))
            ours = run(str(raised), feeds)
            if not is_same(expected, ours):
                report["different"][raised.name] = largest_difference(expected, ours)
        except Exception as error:  # the checker's or the runtime's: a finding either way
            report["different"][raised.name] = str(error)
        if not asks_converter:
            continue
        converted = convert(folder / f"{name}.onnx", int(opset))
        try:
            theirs = None if converted is None else run(converted, feeds)
        except Exception:
            theirs = None
        if theirs is None:
            converter["fails"] += 1
        elif is_same(expected, theirs):
            converter["same"] += 1
        else:
            converter["differs"].append(raised.name)
    print(json.dumps({**report, "converter": converter if asks_converter else None}))


{"export": export, "compare": compare, "convert": lambda folder: compare(folder, True)}[sys.argv[1]](pathlib.Path(sys.argv[2]))
