"""Places the layers of tables of costs (a JSON list on stdin) with HiGHS, which shares nothing with edgewise.

Each tensor is a tree over the links: one unit flows from its producer's tier to each consumer's tier and, for an output,
back to the first; a link's direction is paid for when any unit of the tensor takes it. One-way, units rise over the tiers
and only what returns may go down, on copies of the tiers that no layer reads from.
Prints the least latency or bottleneck of each table in whole nanoseconds, null where no placement fits.
"""
import json
import math
import sys
from fnmatch import fnmatchcase

import numpy
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix


def nanoseconds(ms):
    return math.floor(ms * 1e6 + 0.5)


class Programme:
    def __init__(self):
        self.upper, self.is_integer = [], []
        self.rows, self.columns, self.values = [], [], []
        self.least, self.most = [], []

    def variable(self, upper=1.0, is_integer=True):
        self.upper.append(upper)
        self.is_integer.append(1 if is_integer else 0)
        return len(self.upper) - 1

    def constrain(self, terms, least, most):
        for column, value in terms:
            self.rows.append(len(self.least))
            self.columns.append(column)
            self.values.append(value)
        self.least.append(least)
        self.most.append(most)

    def minimise(self, costs):
        objective = numpy.zeros(len(self.upper))
        for column, value in costs:
            objective[column] += value
        matrix = csr_matrix((self.values, (self.rows, self.columns)), shape=(len(self.least), len(self.upper)))
        return milp(objective, constraints=LinearConstraint(matrix, self.least, self.most),
                    bounds=Bounds(0, self.upper), integrality=self.is_integer, options={"mip_rel_gap": 0})


def solve(table):
    tiers, links = table["tiers"], table["links"]
    programme = Programme()
    places, by_tier, by_link = {}, {tier: [] for tier in tiers}, [[] for _ in links]
    for layer in table["layers"]:
        pins = [pin["tier"] for pin in table["pins"] if fnmatchcase(layer["name"], pin["layer"])]
        place = {}
        for tier in tiers:
            may_run = tier in layer["timeMs"] and all(pin == tier for pin in pins)
            place[tier] = programme.variable(upper=1 if may_run else 0)
            by_tier[tier].append((place[tier], nanoseconds(layer["timeMs"].get(tier, 0))))
        programme.constrain([(column, 1) for column in place.values()], 1, 1)
        places[layer["name"]] = place
    for tier, limit in table["memoryBytes"].items():
        weights = [(places[layer["name"]][tier], layer["weightBytes"]) for layer in table["layers"]]
        programme.constrain(weights, 0, limit)

    is_one_way = table["direction"] == "one-way"
    opened = [programme.variable() for _ in links]
    for tensor in table["tensors"]:
        paid = {}
        for index, link in enumerate(links):
            for direction in ("up", "down"):
                column = paid[index, direction] = programme.variable()
                bytes_ns = tensor["bytes"] * (8000 / link[direction + "MbitPerSecond"])
                by_link[index].append((column, math.floor(bytes_ns + 0.5)))
                programme.constrain([(opened[index], 1), (column, -1)], 0, numpy.inf)
        returning = "returning " if is_one_way else ""
        arcs = []
        for index, link in enumerate(links):
            arcs.append((link["from"], link["to"], paid[index, "up"]))
            arcs.append((returning + link["to"], returning + link["from"], paid[index, "down"]))
        if is_one_way:
            arcs += [(tier, returning + tier, None) for tier in tiers]
        first = {tiers[0]: None}
        source = first if tensor["producer"] is None else places[tensor["producer"]]
        targets = [places[consumer] for consumer in set(tensor["consumers"])]
        if tensor["isOutput"]:
            targets.append({returning + tiers[0]: None})
        for target in targets:
            balance = {}
            for start, end, column in arcs:
                unit = programme.variable(is_integer=False)
                balance.setdefault(start, []).append((unit, 1))
                balance.setdefault(end, []).append((unit, -1))
                if column is not None:
                    programme.constrain([(column, 1), (unit, -1)], 0, numpy.inf)
            for node in {*balance, *source, *target}:
                # What leaves less what arrives is 1 at the source and -1 at the target; a place is 0 or 1 itself.
                terms, fixed = list(balance.get(node, [])), 0
                for ends, sign in ((source, 1), (target, -1)):
                    if node in ends:
                        if ends[node] is None:
                            fixed += sign
                        else:
                            terms.append((ends[node], -sign))
                programme.constrain(terms, fixed, fixed)

    round_trips = [(column, nanoseconds(link["roundTripMs"])) for column, link in zip(opened, links)]
    stages = [*by_tier.values(), *by_link]
    if table["objective"] == "latency":
        costs = [term for stage in stages for term in stage] + round_trips
        result = programme.minimise(costs)
    else:
        slowest = programme.variable(upper=numpy.inf, is_integer=False)
        for stage in stages:
            programme.constrain([(slowest, 1)] + [(column, -ns) for column, ns in stage], 0, numpy.inf)
        result = programme.minimise([(slowest, 1)])
    if result.status == 2:
        return None
    assert result.success, result.message
    # Summed again in whole numbers: the solver's own total is a float.
    chosen = [round(value) for value in result.x]
    if table["objective"] == "latency":
        return sum(chosen[column] * ns for column, ns in costs)
    return max(sum(chosen[column] * ns for column, ns in stage) for stage in stages)


print(json.dumps([solve(table) for table in json.load(sys.stdin)]))
