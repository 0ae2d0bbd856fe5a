"""Drives a server with NVIDIA's own client of the protocol. Prints one JSON document: what each step gave."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException


def infer(client, model, inputs, outputs, binary, **options):
    """inputs: {name: (datatype, array)}; gives {name: array} and the reply."""
    given = []
    for name, (datatype, array) in inputs.items():
        tensor = triton.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, binary_data=binary)
        given.append(tensor)
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in outputs]
    reply = client.infer(model, given, outputs=wanted or None, **options)
    return {name: reply.as_numpy(name) for name in outputs}, reply


def refusal(work):
    try:
        work()
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    return {"status": None, "message": "accepted"}


def main(url, upload_path):
    client = triton.InferenceServerClient(url)
    result = {}

    result["live"] = client.is_server_live()
    result["ready"] = client.is_server_ready()
    result["server"] = client.get_server_metadata()
    result["model_ready"] = client.is_model_ready("double")
    result["no_model_ready"] = client.is_model_ready("nothing")
    result["metadata"] = client.get_model_metadata("double")
    result["index"] = client.get_model_repository_index()

    x = np.arange(4, dtype=np.float32).reshape(1, 4)
    for binary in (True, False):
        outputs, reply = infer(client, "double", {"x": ("FP32", x)}, ["y"], binary, request_id="r-1")
        response = reply.get_response()
        result["double_binary" if binary else "double_json"] = {
            "y": outputs["y"].tolist(),
            "id": response["id"],
            "is_binary": "data" not in response["outputs"][0],
        }

    every = {
        "f32": ("FP32", np.array([1.5, -2.25], np.float32)),
        "f64": ("FP64", np.array([1e300, -0.1])),
        "i8": ("INT8", np.array([-128, 127], np.int8)),
        "u8": ("UINT8", np.array([0, 255], np.uint8)),
        "i16": ("INT16", np.array([-32768, 5], np.int16)),
        "u16": ("UINT16", np.array([65535, 5], np.uint16)),
        "i32": ("INT32", np.array([-(2**31), 5], np.int32)),
        "u32": ("UINT32", np.array([2**32 - 1, 5], np.uint32)),
        "i64": ("INT64", np.array([-(2**63), 2**63 - 1], np.int64)),
        "u64": ("UINT64", np.array([2**64 - 1, 5], np.uint64)),
        "yes": ("BOOL", np.array([True, False])),
        "text": ("BYTES", np.array(["plain", "überall"], dtype=object)),
    }
    half = {"f16": ("FP16", np.array([0.5, -65504.0], np.float16))}
    for binary in (True, False):
        # The protocol has no FP16 in JSON.
        inputs = {**every, **half} if binary else every
        model = "every" if binary else "every_json"
        outputs, _ = infer(client, model, inputs, [f"{name}_out" for name in inputs], binary)
        wrong = []
        for name, (datatype, array) in inputs.items():
            expected = [s.encode() for s in array] if datatype == "BYTES" else array
            found = outputs[f"{name}_out"]
            if found.shape != array.shape or not all(a == b or str(a).encode() == b for a, b in zip(found, expected)):
                wrong.append([name, str(found), str(array)])
        result["every_binary" if binary else "every_json"] = wrong

    # Without naming outputs the client asks for all of them as binary data.
    reply = client.infer("double", [_fp32("x", x)])
    result["default_outputs"] = reply.as_numpy("y").tolist()

    with open(upload_path, "rb") as file:
        content = file.read()
    client.load_model("uploaded", config='{"backend": "onnxruntime"}', files={"file:1/model.onnx": content})
    result["uploaded"] = client.infer("uploaded", [_fp32("x", x)]).as_numpy("y").tolist()
    result["uploaded_ready"] = client.is_model_ready("uploaded")
    client.unload_model("uploaded")
    result["unloaded_ready"] = client.is_model_ready("uploaded")
    client.load_model("uploaded")
    result["reloaded_ready"] = client.is_model_ready("uploaded")

    result["errors"] = {
        "unknown model": refusal(lambda: client.infer("nothing", [_fp32("x", x)])),
        "wrong shape": refusal(lambda: client.infer("double", [_fp32("x", x.reshape(2, 2))])),
        "wrong input": refusal(lambda: client.infer("double", [_fp32("z", x)])),
        "unknown output": refusal(
            lambda: client.infer("double", [_fp32("x", x)], outputs=[triton.InferRequestedOutput("z")])
        ),
        "broken upload": refusal(
            lambda: client.load_model("broken", config="{}", files={"file:1/model.onnx": content[:-5]})
        ),
        "escaping upload": refusal(
            lambda: client.load_model("escape", config="{}", files={"file:../evil.onnx": content})
        ),
    }
    json.dump(result, sys.stdout)


def _fp32(name, array):
    tensor = triton.InferInput(name, list(array.shape), "FP32")
    tensor.set_data_from_numpy(array)
    return tensor


if __name__ == "__main__":
    main(*sys.argv[1:])
