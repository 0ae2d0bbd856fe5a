/** Runs of neighbouring layers on one tier, by their first and last. */
export function runsOnTiers<Name extends string>(
  layers: readonly {readonly name: string}[],
  tierOf: (layer: number) => Name,
): {tier: Name; first: string; last: string}[] {
  const runs: {tier: Name; first: string; last: string}[] = [];
  layers.forEach(({name}, layer) => {
    const tier = tierOf(layer);
    const run = runs.at(-1);
    if (run?.tier === tier) run.last = name;
    else runs.push({tier, first: name, last: name});
  });
  return runs;
}
