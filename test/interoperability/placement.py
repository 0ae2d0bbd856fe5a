"""Solves placement problems (JSON on stdin) with two solvers that share nothing with edgewise.

HiGHS gets the definition as an integer programme; SciPy's maximum flow gets a cut graph built here.
Prints [{"milp": cost, "flow": cost}, ...], costs in whole nanoseconds.
"""
import json
import math
import sys

import numpy
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_flow


def crossing(problem, tensor, direction):
    link = problem["link"]
    per_byte = link[direction + "NsPerByte"]
    if direction == "up" and tensor["producer"] is not None:
        per_byte += link["handoverNsPerByte"]
    return math.floor(tensor["bytes"] * per_byte + 0.5) + link["perTensorNs"]


def solve_milp(problem):
    layers, tensors = problem["layers"], problem["tensors"]
    n, m = len(layers), len(tensors)
    # One variable per layer (1 = cloud), one per tensor (1 = goes up), one each for the link, the device and both.
    cost = numpy.zeros(n + m + 3)
    upper = numpy.ones(n + m + 3)
    lower = numpy.zeros(n + m + 3)
    cost[n + m] = problem["link"]["fixedNs"]
    cost[n + m + 1] = problem["deviceFixedNs"]
    cost[n + m + 2] = problem["link"]["cutFixedNs"]
    base = 0
    rows, cols, values, row = [], [], [], 0

    least = []

    def at_least(bound, terms):
        nonlocal row
        for column, value in terms:
            rows.append(row)
            cols.append(column)
            values.append(value)
        least.append(bound)
        row += 1

    at_least(-1, [(n + m + 2, 1), (n + m, -1), (n + m + 1, -1)])
    for v, layer in enumerate(layers):
        base += layer["deviceNs"]
        pin = layer.get("pin", {}).get("tier")
        if layer["cloudNs"] is None or pin == "device":
            upper[v] = 0
        if layer["cloudNs"] is not None:
            cost[v] += layer["cloudNs"] - layer["deviceNs"]
        if pin == "cloud":
            lower[v] = 1
        at_least(0, [(n + m, 1), (v, -1)])
        # A layer that is not in the cloud opens the device.
        at_least(1, [(n + m + 1, 1), (v, 1)])
    for t, tensor in enumerate(tensors):
        producer = tensor["producer"]
        if tensor["canCross"]:
            cost[n + t] = crossing(problem, tensor, "up")
        else:
            upper[n + t] = 0
        if producer is not None and tensor["isOutput"]:
            if tensor["canCross"]:
                cost[producer] += crossing(problem, tensor, "down")
            else:
                upper[producer] = 0
        for consumer in tensor["consumers"]:
            made = [] if producer is None else [(producer, 1)]
            at_least(0, [(n + t, 1), (consumer, -1)] + made)
            if producer is not None:
                at_least(0, [(consumer, 1), (producer, -1)])
    matrix = csr_matrix((values, (rows, cols)), shape=(row, n + m + 3))
    result = milp(cost, constraints=LinearConstraint(matrix, least, numpy.inf), bounds=Bounds(lower, upper),
                  integrality=numpy.ones(n + m + 3), options={"mip_rel_gap": 0})
    assert result.success, result.message
    # Summed again in whole numbers: the solver's own total is a float.
    chosen = numpy.round(result.x).astype(numpy.int64)
    return int(base + (chosen * cost.astype(numpy.int64)).sum())


def solve_flow(problem):
    layers, tensors = problem["layers"], problem["tensors"]
    n, m = len(layers), len(tensors)
    # The other way round than edgewise: the source is the cloud, and every tensor has a node.
    source, sink, link, device = n + m, n + m + 1, n + m + 2, n + m + 3
    arcs = {}
    infinite = []

    def add(a, b, capacity):
        arcs[a, b] = arcs.get((a, b), 0) + capacity

    add(link, sink, problem["link"]["fixedNs"])
    add(source, device, problem["deviceFixedNs"])
    add(link, device, problem["link"]["cutFixedNs"])
    for v, layer in enumerate(layers):
        pin = layer.get("pin", {}).get("tier")
        add(source, v, layer["deviceNs"])
        if layer["cloudNs"] is None or pin == "device":
            infinite.append((v, sink))
        else:
            add(v, sink, layer["cloudNs"])
        if pin == "cloud":
            infinite.append((source, v))
        infinite.append((v, link))
        infinite.append((device, v))
    for t, tensor in enumerate(tensors):
        producer = tensor["producer"]
        end = sink if producer is None else producer
        if tensor["canCross"]:
            add(n + t, end, crossing(problem, tensor, "up"))
        else:
            infinite.append((n + t, end))
        for consumer in tensor["consumers"]:
            infinite.append((consumer, n + t))
            if producer is not None:
                infinite.append((producer, consumer))
        if producer is not None and tensor["isOutput"]:
            if tensor["canCross"]:
                add(producer, sink, crossing(problem, tensor, "down"))
            else:
                infinite.append((producer, sink))
    infinity = 1 + sum(arcs.values())
    assert infinity < 2**31, "SciPy's maximum flow counts in 32 bits"
    for pair in infinite:
        arcs[pair] = infinity
    keys = list(arcs)
    graph = csr_matrix(
        (numpy.array([arcs[key] for key in keys], dtype=numpy.int32), ([a for a, _ in keys], [b for _, b in keys])),
        shape=(n + m + 4, n + m + 4),
    )
    return int(maximum_flow(graph, source, sink, method="dinic").flow_value)


print(json.dumps([{"milp": solve_milp(problem), "flow": solve_flow(problem)} for problem in json.load(sys.stdin)]))
