"""Turns the shared models' data into .npy files: calibration and evaluation samples, disjoint, and labels where there are some.

python prepareData.py SHARED_MODELS OUT     writes OUT/<model>/{calibration,evaluation,labels}.npy and OUT/models.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

shared, out = Path(sys.argv[1]), Path(sys.argv[2])


def mnist():
    folder = shared / "data-mnist1000"
    images = np.fromfile(folder / "mnist1000_images_u8.bin", np.uint8).reshape(-1, 1, 28, 28).astype(np.float32)
    return images, np.fromfile(folder / "mnist1000_labels_u8.bin", np.uint8).astype(np.int64)


def cifar():
    records = np.fromfile(shared / "data-cifar10/cifar10_lossless300.bin", np.uint8).reshape(300, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32), records[:, 0].astype(np.int64)


def speech():
    folder = shared / "data-speech-commands"
    samples = np.fromfile(folder / "dscnn_mfcc_1200x49x10_f32.bin", np.float32).reshape(-1, 1, 49, 10)
    return samples, np.fromfile(folder / "dscnn_labels_1200_u8.bin", np.uint8).astype(np.int64)


def imagenet():
    crops = np.fromfile(shared / "data-imagenet20/crops20_u8_224.bin", np.uint8).reshape(20, 224, 224, 3)
    labels = [entry["label"] for entry in json.loads((shared / "data-imagenet20/labels.json").read_text())]
    return crops.astype(np.float32), np.array(labels, np.int64)


def squares(size, stride):
    """Crops of the photographs, photograph by photograph: samples of different photographs stay apart."""
    crops, _ = imagenet()
    places = [(y, x) for y in range(0, 225 - size, stride) for x in range(0, 225 - size, stride)]
    return np.stack([crop[y : y + size, x : x + size] for crop in crops for y, x in places]), len(places)


def normalised(images, mean, deviation):
    shape = (1, -1, 1, 1)
    return ((images / 255 - np.reshape(mean, shape)) / np.reshape(deviation, shape)).astype(np.float32)


def split(samples, labels, calibration):
    """The calibration samples are spread evenly over the set."""
    chosen = np.zeros(len(samples), bool)
    chosen[np.linspace(0, len(samples) - 1, calibration).astype(int)] = True
    return samples[chosen], samples[~chosen], None if labels is None else labels[~chosen]


def shown_models():
    images, labels = mnist()
    yield "mnist-cnn/mnist", *split(images, labels, 100), "conv"
    yield "mnist-mlp/mnist_6_200_nat", *split(images / 255, labels, 100), "other"
    yield "mnist-mlp/mnist_conv_small_nat", *split(normalised(images, 0.1307, 0.3081), labels, 100), "conv"
    pictures, classes = cifar()
    imagenet_like = normalised(pictures, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    for depth in (20, 32, 56):
        yield f"cifar10-resnet/resnet{depth}_cifar10", *split(imagenet_like, classes, 60), "conv"
    yield "cifar10-resnet8/resnet8_cifar10", *split(pictures, classes, 60), "conv"
    yield "dscnn-kws/dscnn_kws", *split(*speech(), 200), "conv"
    crops, kinds = imagenet()
    caffe = (crops[..., ::-1] - np.float32([104, 117, 123])).transpose(0, 3, 1, 2)
    yield "squeezenet/squeezenet1.1_fp32", *split(np.ascontiguousarray(caffe), kinds, 8), "conv"
    faces, per_photograph = squares(96, 64)
    people = (faces / 255).transpose(0, 3, 1, 2)
    half = 10 * per_photograph
    yield "vww-mobilenetv1/mobilenetv1_025_vww", people[:half], people[half:], None, "conv"
    grey = (crops @ np.float32([0.299, 0.587, 0.114]) / 255)[:, None]
    yield "super-resolution/super_resolution_10", grey[:6], grey[6:], None, "conv"
    generator = np.random.default_rng(1)
    # Log-mel spectra of five frames: neighbouring frames and bands are alike.
    bands = np.cumsum(generator.normal(0, 1.2, (300, 1, 128)), 2) - 20
    frames = np.cumsum(generator.normal(0, 0.8, (300, 5, 128)), 1)
    yield "ad01-autoencoder/ad01_autoencoder", *split((bands + frames).reshape(300, 640), None, 100), "other"


def with_seeded_weights(path, target):
    """light_* models have constant weights: He-normal ones instead, so that outputs mean something."""
    model = onnx.load(path)
    generator = np.random.default_rng(7)
    constants = {node.output[0]: node for node in model.graph.node if node.op_type == "ConstantOfShape"}
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights, made = [], set()
    roles = {}
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            roles.setdefault(name, (node.op_type, place))
    for name, node in constants.items():
        shape = [int(size) for size in shapes[node.input[0]]]
        kind, place = roles.get(name, ("", 0))
        if kind == "BatchNormalization":
            values = {1: generator.uniform(0.5, 1.5, shape), 2: generator.normal(0, 0.2, shape)}.get(
                place, generator.normal(0, 0.2, shape) if place == 3 else generator.uniform(0.5, 1.5, shape)
            )
        elif len(shape) > 1:
            values = generator.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        else:
            values = generator.normal(0, 0.05, shape)
        weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        made.add(name)
    nodes = [node for node in model.graph.node if not (node.op_type == "ConstantOfShape" and node.output[0] in made)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(weights)
    known = {info.name for info in model.graph.input}
    if model.ir_version < 4:
        for tensor in weights:
            if tensor.name not in known:
                model.graph.input.append(helper.make_tensor_value_info(tensor.name, 1, tensor.dims))
    onnx.save(model, target)


def main():
    table = []
    for name, calibration, evaluation, labels, kind in shown_models():
        folder = out / name.split("/")[1]
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "calibration.npy", np.ascontiguousarray(calibration, np.float32))
        np.save(folder / "evaluation.npy", np.ascontiguousarray(evaluation, np.float32))
        if labels is not None:
            np.save(folder / "labels.npy", labels)
        path = shared / f"{name}.onnx"
        table.append({"name": folder.name, "model": str(path), "folder": str(folder), "kind": kind, "isLabelled": labels is not None})
    crops, _ = imagenet()
    photographs = normalised(crops.transpose(0, 3, 1, 2), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    for name in ("resnet50", "squeezenet", "densenet121", "inception_v1", "shufflenet"):
        folder = out / f"light_{name}"
        folder.mkdir(parents=True, exist_ok=True)
        with_seeded_weights(shared / f"light-topologies/light_{name}.onnx", folder / "model.onnx")
        np.save(folder / "calibration.npy", photographs[:8])
        np.save(folder / "evaluation.npy", photographs[8:])
        table.append({"name": folder.name, "model": str(folder / "model.onnx"), "folder": str(folder), "kind": "topology", "isLabelled": False})
    (out / "models.json").write_text(json.dumps(table))


main()
