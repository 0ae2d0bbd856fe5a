/** One segment of the chain, with what it takes from the model's caller or other segments and what it makes for them. */
export interface PlacedSegment {
  readonly tier: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export type Step = {readonly kind: 'run'; readonly segment: number} | Call;

/** One request from a tier to a higher one, which is answered when all its steps are done. */
export interface Call {
  readonly kind: 'call';
  readonly tier: number;
  readonly steps: readonly Step[];
  /** Sent along. */
  readonly inputs: readonly string[];
  /** Needed there, and there already since an earlier call of the same request. */
  readonly held: readonly string[];
  /** To be kept there for later calls of the same request. */
  readonly keeps: readonly string[];
  /** Answered. */
  readonly outputs: readonly string[];
  /** Whether no later call of the request finds anything kept on this tier. */
  readonly isLast: boolean;
}

export interface CallRules {
  /** Of the model, as its caller gives and wants them. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Whether tier `from` can ask tier `to`, past the tiers between; neighbours always can. */
  readonly hasDirectLink: (from: number, to: number) => boolean;
  /** Whether the tier can keep tensors from one call to the next; where not, they are sent again. */
  readonly canKeep: (tier: number) => boolean;
}

/** As a call is put together; `parent` is `null` on tier 0. */
interface Draft {
  readonly kind: 'call';
  readonly tier: number;
  readonly parent: Draft | null;
  readonly steps: (Step | Draft)[];
  readonly inputs: Set<string>;
  readonly held: Set<string>;
  readonly keeps: Set<string>;
  readonly outputs: Set<string>;
}

/**
 * Who asks whom for which segments, and which tensors travel: tier 0 runs its own segments and asks the next tier for each
 * stretch of others, which does the same. A tensor crosses a link once each way, however many segments need it.
 * @throws RangeError when a segment needs what none before it makes
 */
export function nestCalls(chain: readonly PlacedSegment[], rules: CallRules): readonly Step[] {
  const root = draftCall(0, null);
  addSteps(root, chain, 0, chain.length, rules.hasDirectLink);
  const madeIn = new Map<string, Draft>(rules.inputs.map(name => [name, root]));
  /** Where a tensor is, by tier: in which call it came there. */
  const whereabouts = new Map<string, Map<number, Draft>>(
    rules.inputs.map(name => [name, new Map([[0, root]])]),
  );
  const callOn = (tier: number, from: Draft | null): Draft | null => {
    for (let at = from; at !== null; at = at.parent) if (at.tier === tier) return at;
    return null;
  };

  /** Has the calls between the tensor's maker and the tier answer it, so that it is there, too, since then. */
  const bringBack = (name: string, tier: number): void => {
    const places = whereabouts.get(name)!;
    for (let at = madeIn.get(name)!; at.tier !== tier; at = at.parent!) {
      at.outputs.add(name);
      if (!places.has(at.parent!.tier)) places.set(at.parent!.tier, at.parent!);
    }
  };

  const require = (name: string, call: Draft): void => {
    const maker = madeIn.get(name);
    if (maker === undefined) throw new RangeError(`"${name}" is needed before it is made`);
    const places = whereabouts.get(name)!;
    if (!places.has(call.tier) && callOn(call.tier, maker) !== null) bringBack(name, call.tier);
    const since = places.get(call.tier);
    if (since === call) return;
    if (since !== undefined && rules.canKeep(call.tier)) {
      since.keeps.add(name);
      call.held.add(name);
      return;
    }
    require(name, call.parent!);
    call.inputs.add(name);
    places.set(call.tier, call);
  };

  const perform = (call: Draft): void => {
    for (const step of call.steps) {
      if (step.kind === 'call') {
        perform(step as Draft);
        continue;
      }
      const {inputs, outputs} = chain[step.segment]!;
      for (const name of inputs) require(name, call);
      for (const name of outputs) {
        madeIn.set(name, call);
        whereabouts.set(name, new Map([[call.tier, call]]));
      }
    }
  };
  perform(root);
  for (const name of rules.outputs) require(name, root);
  const lasts = new Set([...lastHolders(root)].map(([, call]) => call));
  return root.steps.map(step => finish(step, lasts));
}

function draftCall(tier: number, parent: Draft | null): Draft {
  return {
    kind: 'call',
    tier,
    parent,
    steps: [],
    inputs: new Set(),
    held: new Set(),
    keeps: new Set(),
    outputs: new Set(),
  };
}

function addSteps(
  call: Draft,
  chain: readonly PlacedSegment[],
  from: number,
  to: number,
  hasDirectLink: CallRules['hasDirectLink'],
): void {
  for (let at = from; at < to;) {
    if (chain[at]!.tier === call.tier) {
      call.steps.push({kind: 'run', segment: at++});
      continue;
    }
    let end = at;
    while (end < to && chain[end]!.tier !== call.tier) end++;
    const tiers = new Set(chain.slice(at, end).map(({tier}) => tier));
    const [only = call.tier + 1] = tiers;
    const isDirect = tiers.size === 1 && hasDirectLink(call.tier, only);
    const next = draftCall(isDirect ? only : call.tier + 1, call);
    addSteps(next, chain, at, end, hasDirectLink);
    call.steps.push(next);
    at = end;
  }
}

/** By tier the last call that finds something kept there. */
function lastHolders(call: Draft, found = new Map<number, Draft>()): ReadonlyMap<number, Draft> {
  for (const step of call.steps) if (step.kind === 'call') lastHolders(step as Draft, found);
  if (call.held.size > 0) found.set(call.tier, call);
  return found;
}

function finish(step: Step | Draft, lasts: ReadonlySet<Draft>): Step {
  if (step.kind === 'run') return step;
  const {tier, steps, inputs, held, keeps, outputs} = step as Draft;
  return {
    kind: 'call',
    tier,
    steps: steps.map(one => finish(one, lasts)),
    inputs: [...inputs],
    held: [...held],
    keeps: [...keeps],
    outputs: [...outputs],
    isLast: lasts.has(step as Draft),
  };
}
