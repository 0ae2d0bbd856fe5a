"""The Open Inference Protocol v2 with the binary tensor extension, as far as edgewise's devices speak it."""

import json

import numpy as np

# What onnxruntime calls a type, by the protocol's name of it.
TYPES = {
    "BOOL": ("tensor(bool)", np.bool_),
    "UINT8": ("tensor(uint8)", np.uint8),
    "UINT16": ("tensor(uint16)", np.uint16),
    "UINT32": ("tensor(uint32)", np.uint32),
    "UINT64": ("tensor(uint64)", np.uint64),
    "INT8": ("tensor(int8)", np.int8),
    "INT16": ("tensor(int16)", np.int16),
    "INT32": ("tensor(int32)", np.int32),
    "INT64": ("tensor(int64)", np.int64),
    "FP16": ("tensor(float16)", np.float16),
    "FP32": ("tensor(float)", np.float32),
    "FP64": ("tensor(double)", np.float64),
}
NAMES = {np.dtype(numpy_type): name for name, (_, numpy_type) in TYPES.items()}


class ProtocolError(Exception):
    """What the caller did wrong."""


def read_request(body, header_length):
    """Feeds by name, and the names of the outputs that are asked for (None: all). header_length is None for plain JSON."""
    try:
        header = json.loads(body if header_length is None else body[:header_length])
        binary = b"" if header_length is None else body[header_length:]
        feeds, start = {}, 0
        for tensor in header["inputs"]:
            numpy_type = TYPES[tensor["datatype"]][1]
            shape = [int(size) for size in tensor["shape"]]
            size = tensor.get("parameters", {}).get("binary_data_size")
            if size is None:
                values = np.asarray(tensor["data"], numpy_type)
            else:
                values = np.frombuffer(binary[start : start + size], numpy_type)
                start += size
            feeds[tensor["name"]] = values.reshape(shape)
        outputs = [output["name"] for output in header.get("outputs", [])]
        return header, feeds, outputs or None
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"this is no inference request: {error!r}") from error


def write_reply(model, header, names, values):
    """The reply's bytes, and how many of them are its JSON header (None: all)."""
    wants_all = header.get("parameters", {}).get("binary_data_output", False)
    wanted = {
        output["name"]: output.get("parameters", {}).get("binary_data", wants_all)
        for output in header.get("outputs", [])
    }
    outputs, binary = [], []
    for name, value in zip(names, values):
        row = {"name": name, "datatype": NAMES[value.dtype], "shape": list(value.shape)}
        if wanted.get(name, wants_all):
            data = np.ascontiguousarray(value).tobytes()
            row["parameters"] = {"binary_data_size": len(data)}
            binary.append(data)
        else:
            row["data"] = value.ravel().tolist()
        outputs.append(row)
    reply = {"model_name": model, "model_version": "1", "outputs": outputs}
    if "id" in header:
        reply["id"] = header["id"]
    head = json.dumps(reply).encode()
    return (head + b"".join(binary), len(head) if binary else None)


def describe(name, inputs, outputs):
    """A model's metadata; inputs and outputs as onnxruntime lists them."""
    names = {onnx_name: protocol_name for protocol_name, (onnx_name, _) in TYPES.items()}
    rows = lambda tensors: [
        {"name": tensor.name, "datatype": names[tensor.type], "shape": tensor.shape} for tensor in tensors
    ]
    return {
        "name": name,
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": rows(inputs),
        "outputs": rows(outputs),
    }
