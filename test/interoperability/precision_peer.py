"""What the Python tools make of models and numbers, for comparison with ours.

Usage: precision_peer.py    for each line on stdin, the path of TASKS.json, prints the answers as a JSON list in one line

Arrays are raw little-endian files. Tasks, by "do":
  run      {model, feeds: {name: {file, type, shape}}, out}   checks the model and writes each output to OUT.<name>
  float16  {file, out}                                        float32 numbers as numpy rounds them to float16
  convert  {model, out}                                       onnxruntime.transformers.float16
  dynamic  {model, out, perChannel, reduceRange}            onnxruntime.quantization.quantize_dynamic
  blocks   {file, depth, width, bits, blockSize, isSymmetric, out}
                                                              the default MatMulNBits quantiser: OUT.packed, .scales, .zeros
  types    {}                                                 which operators' float tensors cannot be float16, by version
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(3)


def run(task):
    problem = None
    try:
        onnx.checker.check_model(task["model"], full_check=True)
    except Exception as error:  # noqa: BLE001: the reason is the result
        problem = str(error)[:500]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(task["model"], options, providers=["CPUExecutionProvider"])
    feeds = {
        name: np.fromfile(feed["file"], dtype=feed["type"]).reshape(feed["shape"])
        for name, feed in task["feeds"].items()
    }
    names = [output.name for output in session.get_outputs()]
    for name, value in zip(names, session.run(None, feeds)):
        value.astype(np.float32).tofile(f"{task['out']}.{names.index(name)}")
    return {"problem": problem, "outputs": names}


def float16(task):
    np.fromfile(task["file"], dtype=np.float32).astype(np.float16).tofile(task["out"])


def convert(task):
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(task["model"]), keep_io_types=True), task["out"])


def dynamic(task):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        task["model"],
        task["out"],
        per_channel=task["perChannel"],
        reduce_range=task["reduceRange"],
        weight_type=QuantType.QInt8,
    )


def blocks(task):
    from onnxruntime.quantization.matmul_nbits_quantizer import (
        DefaultWeightOnlyQuantConfig,
        DefaultWeightOnlyQuantizer,
    )

    config = DefaultWeightOnlyQuantConfig(
        block_size=task["blockSize"], is_symmetric=task["isSymmetric"], bits=task["bits"]
    )
    weights = np.fromfile(task["file"], dtype=np.float32).reshape(task["depth"], task["width"])
    packed, scales, zeros = DefaultWeightOnlyQuantizer(config).qbits_block_quant(weights)
    packed.tofile(f"{task['out']}.packed")
    scales.astype(np.float32).tofile(f"{task['out']}.scales")
    zeros.tofile(f"{task['out']}.zeros")


def types(_):
    """{operator: [[since, inputs, outputs], ...]}: places that take float32, but no float16."""
    found = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain != "" or schema.deprecated:
            continue
        allowed = {one.type_param_str: set(one.allowed_type_strs) for one in schema.type_constraints}

        def lacking(parameters):
            kinds = [allowed.get(one.type_str, {one.type_str}) for one in parameters]
            return [
                place
                for place, kind in enumerate(kinds)
                if "tensor(float)" in kind and "tensor(float16)" not in kind
            ]

        found.setdefault(schema.name, []).append(
            [schema.since_version, lacking(schema.inputs), lacking(schema.outputs)]
        )
    return {name: sorted(versions) for name, versions in found.items()}


TASKS = {
    "run": run,
    "float16": float16,
    "convert": convert,
    "dynamic": dynamic,
    "blocks": blocks,
    "types": types,
}
for path in sys.stdin:
    with open(path.rstrip("\n")) as tasks:
        answers = [TASKS[task["do"]](task) for task in json.load(tasks)]
    print(json.dumps(answers), flush=True)
