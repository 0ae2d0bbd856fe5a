"""Holds quantised files against the float model in Python's onnxruntime, all in one process and turn about.

python comparePeer.py SPEC.json    prints a list, one entry per file

SPEC: {"float": FILE, "files": {NAME: FILE}, "evaluation": FILE.npy, "labels": FILE.npy or null, "rounds": N, "threads": N,
       "exact": BOOL, "ours": {NAME: FILE.npy}}    `exact`: accuracy of quantised files node by node, whose conversions
are then computed in float, as exact sums are on every processor. `ours`: what onnxruntime-node answered on the first samples, to compare with.
"""

import json
import sys
import time

import numpy as np
import onnx
import onnxruntime

spec = json.load(open(sys.argv[1]))
onnxruntime.set_default_logger_severity(4)


def opened(path, level=onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = spec["threads"]
    options.graph_optimization_level = level
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answers(session, samples):
    name = session.get_inputs()[0].name
    return np.stack([session.run(None, {name: samples[index : index + 1]})[0] for index in range(len(samples))])


def timed(sessions, sample, rounds):
    """Milliseconds, round by round: one run of each, so that all meet the same machine."""
    times = {name: [] for name in sessions}
    for round_ in range(-5, rounds):
        for name, session in sessions.items():
            feeds = {session.get_inputs()[0].name: sample}
            started = time.perf_counter()
            session.run(None, feeds)
            if round_ >= 0:
                times[name].append((time.perf_counter() - started) * 1000)
    return {name: np.array(values) for name, values in times.items()}


def is_valid(path):
    try:
        onnx.checker.check_model(path, full_check=True)
        return True
    except Exception as error:  # noqa: BLE001: the reason is the result
        return str(error).splitlines()[0][:200]


samples = np.load(spec["evaluation"])
labels = None if spec["labels"] is None else np.load(spec["labels"])
floats = opened(spec["float"])
expected = answers(floats, samples)
sessions = {"float": floats, **{name: opened(path) for name, path in spec["files"].items()}}
times = timed(sessions, samples[:1], spec["rounds"])
rows = []
for name, session in sessions.items():
    actual = answers(session, samples) if name != "float" else expected
    fused = actual
    if spec["exact"] and name != "float":
        actual = answers(opened(spec["files"][name], onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL), samples)
    noise = float(np.sum((actual - expected).astype(np.float64) ** 2))
    ratios = times[name] / times["float"]
    row = {
        "name": name,
        "sqnrDb": None if noise == 0 else 10 * float(np.log10(np.sum(expected.astype(np.float64) ** 2) / noise)),
        "milliseconds": float(np.median(times[name])),
        "ratioToFloat": [float(value) for value in np.quantile(ratios, [0.25, 0.5, 0.75])],
        "valid": is_valid(spec["float"] if name == "float" else spec["files"][name]),
    }
    if labels is not None:
        flat = actual.reshape(len(samples), -1)
        row["right"] = int(np.sum(np.argmax(flat, 1) == labels))
        row["of"] = len(labels)
    if name in spec.get("ours", {}):
        ours = np.load(spec["ours"][name])
        row["differenceFromOurs"] = float(np.max(np.abs(ours.reshape(len(ours), -1) - fused[: len(ours)].reshape(len(ours), -1))))
        row["largestAnswer"] = float(np.max(np.abs(fused)))
    rows.append(row)
baseline = {name: times[name] for name in times}
for row in rows:
    row["ratiosTo"] = {
        other: [float(value) for value in np.quantile(baseline[row["name"]] / baseline[other], [0.25, 0.5, 0.75])]
        for other in baseline
    }
print(json.dumps(rows))
