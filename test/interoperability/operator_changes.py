"""Prints what ONNX's own schemas say about each operator of the standard domain, as JSON:

{operator: {"since": first version, "additive": [versions], "breaking": [versions]}}, versions up to the one given.

A version is additive when every node of the version before is a valid node of it, as far as a schema tells: all inputs and
outputs are still there, new ones are optional, no attribute went, changed its default or became required, no element type
was dropped.
"""

import collections
import json
import sys

import onnx.defs


def allowed_types(schema, parameters):
    constraints = {c.type_param_str: set(c.allowed_type_strs) for c in schema.type_constraints}
    return [constraints.get(p.type_str, {p.type_str}) for p in parameters]


def is_additive(old, new):
    if old.deprecated or new.deprecated:
        return False
    optional = onnx.defs.OpSchema.FormalParameterOption.Optional
    for side in ("inputs", "outputs"):
        before, after = getattr(old, side), getattr(new, side)
        if len(after) < len(before) or any(p.option != optional for p in after[len(before) :]):
            return False
        types = zip(allowed_types(old, before), allowed_types(new, after))
        if any(not was <= now for was, now in types):
            return False
        if any(a.option != b.option and b.option != optional for a, b in zip(before, after)):
            return False
    for name, attribute in old.attributes.items():
        now = new.attributes.get(name)
        if now is None or now.type != attribute.type or (now.required and not attribute.required):
            return False
        if now.default_value.SerializeToString() != attribute.default_value.SerializeToString():
            return False
    return not any(a.required for name, a in new.attributes.items() if name not in old.attributes)


def main():
    newest = int(sys.argv[1])
    history = collections.defaultdict(dict)
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.since_version <= newest:
            history[schema.name][schema.since_version] = schema
    changes = {}
    for name in sorted(history):
        versions = sorted(history[name])
        changes[name] = {"since": versions[0], "additive": [], "breaking": []}
        for old, new in zip(versions, versions[1:]):
            kind = "additive" if is_additive(history[name][old], history[name][new]) else "breaking"
            changes[name][kind].append(new)
    print(json.dumps(changes))


main()
