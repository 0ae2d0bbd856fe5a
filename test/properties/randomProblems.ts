import fc from 'fast-check';
import type {ProblemTier} from '../../src/placement/costOfPlacement.ts';
import type {PlacementProblem, ProblemLayer, ProblemTensor} from '../../src/placement/problem.ts';

/**
 * Random placement problems: any DAG, tensors that several layers read, several inputs and outputs, pins, tensors
 * that cannot cross, layers that cannot run in the cloud. Costs come from a small range, so that ties are common,
 * or from a large one.
 */
export function randomProblem(maxLayers: number): fc.Arbitrary<PlacementProblem> {
  return fc
    .record({layerCount: fc.integer({min: 1, max: maxLayers}), largest: fc.constantFrom(3, 20, 1_000_000)})
    .chain(({layerCount, largest}) => {
      const cost = fc.oneof(
        {weight: 1, arbitrary: fc.constant(0)},
        {weight: 5, arbitrary: fc.integer({min: 0, max: largest})},
      );
      const layer = fc.record({
        deviceNs: cost,
        cloudNs: fc.option(cost, {freq: 30, nil: null}),
        pin: fc.oneof(
          {weight: 12, arbitrary: fc.constant(undefined)},
          {weight: 1, arbitrary: fc.constantFrom('device' as const, 'cloud' as const)},
        ),
      });
      // Each layer makes one tensor or two; each tensor is read by any of the later layers, or by none.
      const tensor = (producer: number | null) =>
        fc.record({
          bytes: cost,
          readers: fc.uniqueArray(
            fc.integer({min: (producer ?? -1) + 1, max: Math.max((producer ?? -1) + 1, layerCount - 1)}),
            {
              maxLength: 4,
            },
          ),
          isOutput: fc.oneof(
            {weight: 4, arbitrary: fc.constant(false)},
            {weight: 1, arbitrary: fc.constant(true)},
          ),
          canCross: fc.oneof(
            {weight: 12, arbitrary: fc.constant(true)},
            {weight: 1, arbitrary: fc.constant(false)},
          ),
          producer: fc.constant(producer),
          // What is encoded on the way up: usually smaller, but nothing rests on that.
          travel: fc.option(fc.record({upBytes: cost, upNs: cost}), {freq: 1, nil: null}),
          header: fc.option(fc.record({headerBytes: fc.record({up: cost, down: cost})}), {
            freq: 1,
            nil: null,
          }),
        });
      const made = Array.from({length: layerCount}, (_, producer) =>
        fc.array(tensor(producer), {minLength: 1, maxLength: 2}),
      );
      return fc
        .record({
          layers: fc.array(layer, {minLength: layerCount, maxLength: layerCount}),
          inputs: fc.array(tensor(null), {minLength: 1, maxLength: 3}),
          made: fc.tuple(...made),
          deviceFixedNs: cost,
          link: fc.option(
            fc.record({
              fixedNs: cost,
              upNsPerByte: fc.constantFrom(0, 0.3, 1, 2.5),
              downNsPerByte: fc.constantFrom(0, 0.7, 1, 3),
              perTensorNs: fc.constantFrom(0, 1, 5),
              // Seldom, else hardly any problem would be split.
              cutFixedNs: fc.oneof({weight: 3, arbitrary: fc.constant(0)}, {weight: 1, arbitrary: cost}),
              handoverNsPerByte: fc.constantFrom(0, 0, 0, 0.4),
            }),
            {freq: 40, nil: null},
          ),
        })
        .map(({layers, inputs, made: rows, deviceFixedNs, link}): PlacementProblem => ({
          deviceFixedNs,
          layers: layers.map(({deviceNs, cloudNs, pin}, index): ProblemLayer => {
            const tier = pin === 'cloud' && cloudNs === null ? undefined : pin;
            return {
              name: `layer${index}`,
              deviceNs,
              cloudNs,
              ...(tier === undefined ? {} : {pin: {tier, reason: 'pinned-by-user'}}),
            };
          }),
          tensors: [...inputs, ...rows.flat()].map(
            ({readers, travel, header, ...row}, index): ProblemTensor => ({
              name: `tensor${index}`,
              ...row,
              ...travel,
              ...header,
              consumers: readers.filter(reader => reader < layerCount).sort((left, right) => left - right),
            }),
          ),
          link,
        }));
    });
}

/** Microseconds for what the random problems have nanoseconds: the rounding of times is then a thousandth of them. */
export function inMicroseconds(problem: PlacementProblem): PlacementProblem {
  const {link} = problem;
  return {
    ...problem,
    deviceFixedNs: (problem.deviceFixedNs ?? 0) * 1e3,
    layers: problem.layers.map(layer => ({
      ...layer,
      deviceNs: layer.deviceNs * 1e3,
      cloudNs: layer.cloudNs === null ? null : layer.cloudNs * 1e3,
    })),
    link: link && {
      fixedNs: link.fixedNs * 1e3,
      upNsPerByte: link.upNsPerByte * 1e3,
      downNsPerByte: link.downNsPerByte * 1e3,
      perTensorNs: link.perTensorNs * 1e3,
      cutFixedNs: (link.cutFixedNs ?? 0) * 1e3,
      handoverNsPerByte: (link.handoverNsPerByte ?? 0) * 1e3,
    },
  };
}

/**
 * The least cost over every down-closed set, by trying them all, written from the definition alone (it shares no
 * code with src/placement); null when no set obeys the rules.
 */
export function bruteForce(problem: PlacementProblem): {costNs: number; deviceLayers: number} | null {
  const {layers, tensors, link} = problem;
  let best: {costNs: number; deviceLayers: number} | null = null;
  for (let mask = 0; mask < 2 ** layers.length; mask++) {
    const inCloud = (layer: number): boolean => ((mask >> layer) & 1) === 1;
    let costNs = 0;
    let isAllowed = true;
    let deviceLayers = 0;
    for (let index = 0; index < layers.length && isAllowed; index++) {
      const layer = layers[index]!;
      if (inCloud(index)) {
        if (link === null || layer.cloudNs === null || layer.pin?.tier === 'device') isAllowed = false;
        else costNs += layer.cloudNs;
      } else {
        deviceLayers += 1;
        if (layer.pin?.tier === 'cloud') isAllowed = false;
        costNs += layer.deviceNs;
      }
    }
    if (!isAllowed) continue;
    if (link !== null && mask > 0) costNs += link.fixedNs;
    if (deviceLayers > 0) costNs += problem.deviceFixedNs ?? 0;
    if (deviceLayers > 0 && mask > 0) costNs += link?.cutFixedNs ?? 0;
    for (const tensor of tensors) {
      const bornInCloud = tensor.producer !== null && inCloud(tensor.producer);
      let crossings = 0;
      if (bornInCloud) {
        if (tensor.consumers.some(consumer => !inCloud(consumer))) isAllowed = false;
        if (tensor.isOutput) {
          crossings = 1;
          const downBytes = tensor.bytes + (tensor.headerBytes?.down ?? 0);
          if (link !== null) costNs += Math.round(downBytes * link.downNsPerByte) + link.perTensorNs;
        }
      } else if (tensor.consumers.some(inCloud)) {
        crossings = 1;
        if (link !== null) {
          const handoverNsPerByte = tensor.producer === null ? 0 : (link.handoverNsPerByte ?? 0);
          const upBytes = tensor.upBytes ?? tensor.bytes;
          const saidNs = (tensor.headerBytes?.up ?? 0) * link.upNsPerByte;
          costNs += Math.round(upBytes * (link.upNsPerByte + handoverNsPerByte) + saidNs) + link.perTensorNs;
          costNs += tensor.upNs ?? 0;
        }
      }
      if (crossings > 0 && !tensor.canCross) isAllowed = false;
      if (!isAllowed) break;
    }
    if (!isAllowed) continue;
    if (best === null || costNs < best.costNs || (costNs === best.costNs && deviceLayers > best.deviceLayers))
      best = {costNs, deviceLayers};
  }
  return best;
}

export function countOnDevice(tiers: readonly ProblemTier[]): number {
  return tiers.filter(tier => tier === 'device').length;
}
