"""Trains the quickstart's network and writes it as ONNX. Users never run this: the result is committed.

    node bench/quickstart-model/export-pictures.ts /tmp/pictures
    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install -r bench/quickstart-model/requirements.txt
    /tmp/venv/bin/python bench/quickstart-model/train.py /tmp/pictures templates/quickstart/pictures.onnx
"""

import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 1
EPOCHS = 14
BATCH = 128
PEAK_LEARNING_RATE = 1e-3
WEIGHT_DECAY = 2e-5


def load(folder, name):
    pictures = np.load(folder / f"{name}-pictures.npy")
    labels = np.load(folder / f"{name}-labels.npy")
    return pictures, labels.astype(np.int32)


# Training runs channels-last, which XLA's CPU convolutions prefer; the ONNX file is channels-first.
def initial_weights(random):
    def he(*shape, fan_in):
        return (random.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)

    return {
        "conv1.weight": he(3, 3, 3, 32, fan_in=27),
        "conv1.bias": np.zeros(32, np.float32),
        "conv2.weight": he(3, 3, 32, 64, fan_in=288),
        "conv2.bias": np.zeros(64, np.float32),
        "dense1.weight": he(4096, 128, fan_in=4096),
        "dense1.bias": np.zeros(128, np.float32),
        "dense2.weight": he(128, 10, fan_in=128),
        "dense2.bias": np.zeros(10, np.float32),
    }


def convolve(weights, name, x):
    y = jax.lax.conv_general_dilated(
        x, weights[f"{name}.weight"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return jax.nn.relu(y + weights[f"{name}.bias"])


def pool(x):
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))


def logits_of(weights, pictures, dropout_key=None):
    x = pool(convolve(weights, "conv1", pictures.transpose(0, 2, 3, 1)))
    x = pool(convolve(weights, "conv2", x))
    x = x.reshape(x.shape[0], -1)
    if dropout_key is not None:
        key, dropout_key = jax.random.split(dropout_key)
        x = x * jax.random.bernoulli(key, 0.8, x.shape) / 0.8
    x = jax.nn.relu(x @ weights["dense1.weight"] + weights["dense1.bias"])
    if dropout_key is not None:
        x = x * jax.random.bernoulli(dropout_key, 0.7, x.shape) / 0.7
    return x @ weights["dense2.weight"] + weights["dense2.bias"]


def linear_logits_of(weights, pictures, dropout_key=None):
    return (pictures.reshape(pictures.shape[0], -1) - 0.5) @ weights["weight"] + weights["bias"]


def augment(random, pictures):
    """Mirrors, turns by 90° and swaps colours of a whole batch; none of it changes a label."""
    if random.random() < 0.5:
        pictures = pictures[:, :, ::-1]
    if random.random() < 0.5:
        pictures = pictures[:, :, :, ::-1]
    if random.random() < 0.5:
        pictures = pictures.swapaxes(2, 3)
    return pictures[:, random.permutation(3)]


def unchanged(random, pictures):
    return pictures


def scaled(pictures):
    return np.ascontiguousarray(pictures).astype(np.float32) / 255


def accuracy(logits, weights, pictures, labels):
    batches = range(0, len(pictures), 480)
    answers = [np.argmax(logits(weights, scaled(pictures[i : i + 480])), 1) for i in batches]
    return float(np.mean(np.concatenate(answers) == labels))


def train(logits, weights, data, epochs, peak_rate, change, report):
    """Adam with a short warm-up and a cosine decay."""
    pictures, labels = data
    random = np.random.default_rng(SEED)

    def loss_of(weights, x, y, key):
        log_probabilities = jax.nn.log_softmax(logits(weights, x, key))
        decay = sum((w**2).sum() for name, w in weights.items() if name.endswith("weight"))
        return -jnp.mean(jnp.take_along_axis(log_probabilities, y[:, None], 1)) + WEIGHT_DECAY * decay

    @jax.jit
    def step(weights, first, second, x, y, rate, t, key):
        loss, gradient = jax.value_and_grad(loss_of)(weights, x, y, key)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        weights = jax.tree.map(
            lambda w, m, v: w - rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-7),
            weights, first, second,
        )
        return weights, first, second, loss

    first = second = jax.tree.map(jnp.zeros_like, weights)
    key = jax.random.key(SEED)
    steps_per_epoch = len(pictures) // BATCH
    t = 0
    for epoch in range(epochs):
        order = random.permutation(len(pictures))
        losses = []
        for i in range(steps_per_epoch):
            t += 1
            chosen = order[i * BATCH : (i + 1) * BATCH]
            rate = peak_rate * min(1, t / 300) * (0.5 + 0.5 * np.cos(np.pi * t / (epochs * steps_per_epoch)))
            key, dropout_key = jax.random.split(key)
            x = scaled(change(random, pictures[chosen]))
            weights, first, second, loss = step(weights, first, second, x, labels[chosen], rate, t, dropout_key)
            losses.append(loss)
        report(epoch, float(np.mean(losses)), weights)
    return weights


def onnx_from_weights(weights):
    w = {name: np.asarray(value) for name, value in weights.items()}
    for name in ("conv1", "conv2"):
        w[f"{name}.weight"] = w[f"{name}.weight"].transpose(3, 2, 0, 1)
    # The flattened order changes with the layout: (row, column, channel) becomes (channel, row, column).
    w["dense1.weight"] = w["dense1.weight"].reshape(8, 8, 64, 128).transpose(2, 0, 1, 3).reshape(4096, 128)

    def conv(name, source):
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        return helper.make_node(
            "Conv", inputs, [f"{name}_out"], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]
        )

    def dense(name, source):
        return helper.make_node("Gemm", [source, f"{name}.weight", f"{name}.bias"], [f"{name}_out"], name)

    def plain(operator, name, source, target=None, **attributes):
        return helper.make_node(operator, [source], [target or f"{name}_out"], name, **attributes)

    nodes = [
        conv("conv1", "image"),
        plain("Relu", "relu1", "conv1_out"),
        plain("MaxPool", "pool1", "relu1_out", kernel_shape=[2, 2], strides=[2, 2]),
        conv("conv2", "pool1_out"),
        plain("Relu", "relu2", "conv2_out"),
        plain("MaxPool", "pool2", "relu2_out", kernel_shape=[2, 2], strides=[2, 2]),
        plain("Flatten", "flatten", "pool2_out", axis=1),
        dense("dense1", "flatten_out"),
        plain("Relu", "relu3", "dense1_out"),
        dense("dense2", "relu3_out"),
        plain("Softmax", "softmax", "dense2_out", "probabilities", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "pictures",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in w.items()],
    )
    model = helper.make_model(
        graph, producer_name="edgewise-quickstart", ir_version=8, opset_imports=[helper.make_opsetid("", 17)]
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    training, evaluation = load(folder, "train"), load(folder, "eval")
    started = time.time()

    linear_weights = {"weight": np.zeros((3072, 10), np.float32), "bias": np.zeros(10, np.float32)}
    linear = jax.jit(linear_logits_of)
    linear_weights = train(linear_logits_of, linear_weights, training, 10, 1e-3, unchanged, lambda *_: None)
    print(f"logistic regression on pixels, training pictures: {accuracy(linear, linear_weights, *training):.4f}")
    print(f"logistic regression on pixels, evaluation pictures: {accuracy(linear, linear_weights, *evaluation):.4f}", flush=True)

    network = jax.jit(logits_of)

    def report(epoch, loss, weights):
        seconds = time.time() - started
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {loss:.4f}, {seconds:.0f} s", flush=True)

    weights = initial_weights(np.random.default_rng(SEED))
    weights = train(logits_of, weights, training, EPOCHS, PEAK_LEARNING_RATE, augment, report)
    print(f"network, evaluation pictures: {accuracy(network, weights, *evaluation):.4f}")
    model = onnx_from_weights(weights)
    target.write_bytes(model.SerializeToString())
    print(f"{target}: {target.stat().st_size} bytes")


main()
