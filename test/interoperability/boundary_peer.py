"""Runs heads and tails one after the other in Python's ONNX Runtime, after onnx.checker has looked at both.

Usage: boundary_peer.py TASKS.json    prints a JSON list, one answer per task

Task: {"head": PATH or null, "tail": PATH, "feeds": {name: {file, type, shape}}, "outputs": [name], "out": PATH}
Arrays are raw little-endian files; the outputs are written as float32 to OUT.<place>. Nothing is optimised, as on devices.
Answer: {"problems": [message], "crossed": {name: bytes}}
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(3)


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(session, known):
    feeds = {given.name: known[given.name] for given in session.get_inputs()}
    names = [output.name for output in session.get_outputs()]
    return feeds, dict(zip(names, session.run(names, feeds)))


def answer(task):
    problems = []
    paths = [path for path in (task["head"], task["tail"]) if path is not None]
    for path in paths:
        try:
            onnx.checker.check_model(path, full_check=True)
        except Exception as error:  # noqa: BLE001: the reason is the result
            problems.append(f"{path}: {str(error)[:300]}")
    known = {
        name: np.fromfile(feed["file"], dtype=feed["type"]).reshape(feed["shape"])
        for name, feed in task["feeds"].items()
    }
    crossed = {}
    for path in paths:
        crossed, found = run(open_session(path), known)
        known.update(found)
    for place, name in enumerate(task["outputs"]):
        known[name].astype(np.float32).tofile(f"{task['out']}.{place}")
    return {"problems": problems, "crossed": {name: value.nbytes for name, value in crossed.items()}}


print(json.dumps([answer(task) for task in json.load(open(sys.argv[1]))]))
