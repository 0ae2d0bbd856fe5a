import type {Route} from './routes.ts';
import type {TierObjective} from './tierProblem.ts';
import type {TierTables} from './tierTables.ts';

/** How good an assignment is: what breaks a rule counts first, then the objective, then how level the stages are. */
export interface Quality {
  /** Tensors without a route, then bytes over the limits of memory. */
  readonly unroutable: number;
  readonly missingBytes: number;
  readonly ns: number;
  /** The sum of the squares of all stages, with which throughput gets past what leaves the busiest as it is. */
  readonly squares: number;
}

export function isBetter(left: Quality, right: Quality): boolean {
  return (
    (left.unroutable - right.unroutable ||
      left.missingBytes - right.missingBytes ||
      left.ns - right.ns ||
      left.squares - right.squares) < 0
  );
}

/**
 * An assignment that layers can be moved in, which costs only as much as the tensors of the layer. Each tensor takes the
 * route that is shortest by itself, so what it counts can lie above what `costOfTiers` finds, never below.
 */
export class MovableTiers {
  readonly tiers: number[];
  readonly #tables: TierTables;
  readonly #objective: TierObjective;
  readonly #tierNs: number[];
  readonly #tierBytes: number[];
  readonly #linkNs: number[];
  readonly #linkUses: number[];
  readonly #routes: (Route | null)[];
  #unroutable = 0;

  constructor(tables: TierTables, objective: TierObjective, tiers: readonly number[]) {
    const {tierCount, layers, links, tensors} = tables.problem;
    this.#tables = tables;
    this.#objective = objective;
    this.tiers = [...tiers];
    this.#tierNs = new Array<number>(tierCount).fill(0);
    this.#tierBytes = new Array<number>(tierCount).fill(0);
    this.#linkNs = new Array<number>(links.length).fill(0);
    this.#linkUses = new Array<number>(links.length).fill(0);
    this.#routes = tensors.map(() => null);
    layers.forEach((_, layer) => {
      this.#addLayer(layer, 1);
    });
    tensors.forEach((_, tensor) => {
      this.#addTensor(tensor);
    });
  }

  get quality(): Quality {
    const {links, memoryBytes} = this.#tables.problem;
    let missingBytes = 0;
    let ns = 0;
    let squares = 0;
    this.#tierBytes.forEach((bytes, tier) => {
      missingBytes += Math.max(0, bytes - (memoryBytes[tier] ?? Infinity));
    });
    for (const stages of [this.#tierNs, this.#linkNs])
      for (const stageNs of stages) {
        ns = this.#objective === 'latency' ? ns + stageNs : Math.max(ns, stageNs);
        squares += stageNs * stageNs;
      }
    if (this.#objective === 'latency') {
      squares = 0;
      links.forEach(({roundTripNs}, link) => {
        if ((this.#linkUses[link] as number) > 0) ns += roundTripNs;
      });
    }
    return {unroutable: this.#unroutable, missingBytes, ns, squares};
  }

  move(layer: number, tier: number): void {
    const tensors = this.#tables.tensorsOf[layer] ?? [];
    for (const tensor of tensors) this.#removeTensor(tensor);
    this.#addLayer(layer, -1);
    this.tiers[layer] = tier;
    this.#addLayer(layer, 1);
    for (const tensor of tensors) this.#addTensor(tensor);
  }

  #addLayer(layer: number, sign: 1 | -1): void {
    const {problem, timesNs} = this.#tables;
    const tier = this.tiers[layer] as number;
    const ns = timesNs[layer * problem.tierCount + tier] as number;
    this.#tierNs[tier] = (this.#tierNs[tier] as number) + sign * ns;
    this.#tierBytes[tier] =
      (this.#tierBytes[tier] as number) + sign * (problem.layers[layer]?.weightBytes ?? 0);
  }

  #addTensor(tensor: number): void {
    const {problem, routes} = this.#tables;
    const {producer, consumers, isOutput} = problem.tensors[tensor] as (typeof problem.tensors)[number];
    const from = producer === null ? 0 : (this.tiers[producer] as number);
    let readMask = 0;
    for (const consumer of consumers) readMask |= 1 << (this.tiers[consumer] as number);
    let shortest: Route | null = null;
    let shortestNs = Infinity;
    for (const route of routes.between(from, readMask, isOutput)) {
      const ns = route.steps.reduce(
        (sum, {link, direction}) => sum + this.#stepNs(tensor, link, direction),
        0,
      );
      if (ns >= shortestNs) continue;
      shortest = route;
      shortestNs = ns;
    }
    this.#routes[tensor] = shortest;
    if (shortest === null) this.#unroutable += 1;
    else this.#addRoute(tensor, shortest, 1);
  }

  #removeTensor(tensor: number): void {
    const route = this.#routes[tensor] ?? null;
    if (route === null) this.#unroutable -= 1;
    else this.#addRoute(tensor, route, -1);
  }

  #addRoute(tensor: number, {steps}: Route, sign: 1 | -1): void {
    for (const {link, direction} of steps) {
      this.#linkNs[link] = (this.#linkNs[link] as number) + sign * this.#stepNs(tensor, link, direction);
      this.#linkUses[link] = (this.#linkUses[link] as number) + sign;
    }
  }

  #stepNs(tensor: number, link: number, direction: 'up' | 'down'): number {
    const {problem, upNs, downNs} = this.#tables;
    return (direction === 'up' ? upNs : downNs)[tensor * problem.links.length + link] as number;
  }
}
