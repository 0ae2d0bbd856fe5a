import {copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {stringify} from 'yaml';
import type {Explanation} from '../../src/documents/explanation.ts';
import type {Plan} from '../../src/documents/plan.ts';
import {planFromYaml} from '../../src/documents/readDocument.ts';
import {cloudProfile, deviceProfile, readLayers} from './fleetProfiles.ts';
import {jsonOf, ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

interface Failure {
  readonly error: {readonly code: string; readonly message: string};
}

/** A device of 4 W with a cloud at 0.4 USD an hour, and one of which nothing was declared; profiles that nobody measured. */
describe('edgewise plan for goals and within limits', () => {
  let folder: string;

  const edgewise = (...args: string[]): Promise<Ended> =>
    runEdgewise(['plan', ...args], {cwd: folder, home: folder});
  const planOf = (...args: string[]): Promise<Plan> => planOn('lobby', ...args);
  const planOn = async (device: string, ...args: string[]): Promise<Plan> => {
    const ended = await edgewise(device, ...args, '--json');
    expect(ended).toMatchObject({exitCode: 0});
    return jsonOf<{plans: {plan: Plan}[]}>(ended).plans[0]!.plan;
  };
  const failureOf = async (args: readonly string[], exitCode: number): Promise<Failure['error']> => {
    const ended = await edgewise(...args, '--json');
    expect(ended.exitCode).toBe(exitCode);
    return jsonOf<Failure>(ended).error;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-goals-'));
    await mkdir(join(folder, 'profiles'));
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'pictures.onnx'));
    const project = (clouds: readonly object[]) => ({
      kind: 'edgewise/project',
      formatVersion: 1,
      model: {file: 'pictures.onnx', inputs: {image: [1, 3, 32, 32]}},
      devices: [
        {name: 'lobby', address: 'lobby.example', power: {compute: '4 W', radio: '50 nJ/byte'}},
        {name: 'slow', address: 'slow.example', power: {compute: '4 W', radio: '50 nJ/byte'}},
        {name: 'plain', address: 'plain.example'},
      ],
      clouds,
    });
    const cloud = {name: 'cloud', url: 'http://cloud.example:8700'};
    const priced = {...cloud, pricePerHour: '0.40 USD', egressPrice: '0.09 USD/GB'};
    await writeFile(join(folder, 'edgewise.yaml'), stringify(project([priced])));
    await writeFile(join(folder, 'unpriced.yaml'), stringify(project([cloud])));
    const layers = await readLayers(folder);
    await writeFile(join(folder, 'profiles/cloud.yaml'), cloudProfile('cloud', layers));
    for (const name of ['lobby', 'plain', 'slow'])
      await writeFile(
        join(folder, `profiles/${name}.yaml`),
        deviceProfile(name, layers, {slowness: name === 'slow' ? 15 : 6, megabits: 8, seed: 1}),
      );
  }, 120_000);

  afterAll(() => rm(folder, {recursive: true, force: true}));

  it('is best for what is asked: no other plan takes less of it', async () => {
    const goals = {
      latency: ({predicted}: Plan) => predicted.latencyMs,
      energy: ({predicted}: Plan) => predicted.energyMillijoules,
      money: ({predicted}: Plan) => predicted.money?.amount,
      throughput: ({predicted}: Plan) => predicted.bottleneckMs,
    };
    const plans = new Map<string, Plan>();
    for (const objective of Object.keys(goals)) plans.set(objective, await planOf('--objective', objective));
    for (const [objective, amountOf] of Object.entries(goals)) {
      const best = plans.get(objective)!;
      expect(best.objective).toBe(objective);
      expect(best.certificate).toMatchObject({isOptimal: true});
      for (const other of plans.values())
        expect(amountOf(best)).toBeLessThanOrEqual((amountOf(other) ?? Infinity) * (1 + 1e-6));
    }
  });

  it('keeps each limit, alone and together, or names those that it cannot keep', async () => {
    const free = await planOf();
    const energy = free.predicted.energyMillijoules!;
    const within = await planOf('--max-energy', `${(energy * 0.9).toFixed(4)} mJ`);
    expect(within.predicted.energyMillijoules).toBeLessThanOrEqual(energy * 0.9);
    expect(within.predicted.latencyMs).toBeGreaterThan(free.predicted.latencyMs);
    const cheap = await planOf(
      '--objective',
      'energy',
      '--max-latency',
      // Rounded up: what is allowed must not be less than what that plan takes.
      `${(Math.ceil(within.predicted.latencyMs * 1000) / 1000).toFixed(3)} ms`,
    );
    expect(cheap.predicted.energyMillijoules).toBeLessThanOrEqual(
      within.predicted.energyMillijoules! * 1.001,
    );

    const money = await planOf('--max-money', '0 USD');
    expect(money.layers.every(({tier}) => tier === 'device')).toBe(true);
    const deep = await planOf('--min-device-layers', '4');
    expect(deep.layers.filter(({tier}) => tier === 'device').length).toBeGreaterThanOrEqual(4);
    const wide = await planOf('--no-one-way');
    expect(wide.constraints.direction).toBe('two-way');
    expect(wide.predicted.latencyMs).toBeLessThanOrEqual(free.predicted.latencyMs * (1 + 1e-9));
    const small = await planOf('--memory', 'device=400kB');
    expect(small.predicted.tiers?.[0]?.memoryBytes).toBeLessThanOrEqual(400_000);

    const error = await failureOf(['lobby', '--max-money', '0 USD', '--max-latency', '1 ms'], 13);
    expect(error.code).toBe('nothing-feasible');
    expect(error.message).toMatch(/maxLatency \(at least [\d.]+ ms is possible, 1 ms is allowed\)/);
  });

  it('finds the rate within a limit that the best rate breaks', async () => {
    const free = await planOn('slow', '--objective', 'throughput');
    const most = free.predicted.money!.amount * 0.5;
    expect(most).toBeGreaterThan(0);
    const limit = `${most.toExponential(3).replace('+', '')} USD`;
    const within = await planOn('slow', '--objective', 'throughput', '--max-money', limit);
    expect(within.predicted.money!.amount).toBeLessThanOrEqual(most * 1.001);
    expect(within.predicted.bottleneckMs).toBeGreaterThan(free.predicted.bottleneckMs!);
    expect(within.certificate).toMatchObject({isOptimal: true});
  });

  it('lists what no other placement beats in both goals, in the document, in text and on the page', async () => {
    const plan = await planOf('--pareto', 'latency,energy');
    const {points, isComplete, goals} = plan.pareto!;
    expect(goals).toEqual(['latency', 'energy']);
    expect(isComplete).toBe(true);
    expect(points.length).toBeGreaterThan(1);
    expect(points[0]!.predicted.latencyMs).toBeCloseTo(plan.predicted.latencyMs, 6);
    expect(points.filter(({isChosen}) => isChosen).map(({name}) => name)).toHaveLength(1);
    for (const [at, {predicted}] of points.slice(1).entries()) {
      expect(predicted.latencyMs).toBeGreaterThan(points[at]!.predicted.latencyMs);
      expect(predicted.energyMillijoules).toBeLessThan(points[at]!.predicted.energyMillijoules!);
    }
    // A point is what the plan is when the other goal is limited to what it takes.
    const last = points.at(-1)!.predicted;
    const same = await planOf('--max-energy', `${last.energyMillijoules!.toFixed(6)} mJ`);
    expect(same.predicted.latencyMs).toBeCloseTo(last.latencyMs, 4);

    const text = await edgewise('lobby', '--pareto', 'throughput,money', '--output', 'front.yaml');
    expect(text).toMatchObject({exitCode: 0});
    expect(text.stdout).toContain(
      'No other placement is better in both: one request every ms against money USD',
    );
    expect(text.stdout).toContain('Proven: each of these, and that there are no others.');
    expect(
      planFromYaml(await readFile(join(folder, 'front.yaml'), 'utf8'), 'front.yaml').pareto,
    ).toBeDefined();
    const page = await runEdgewise(['explain', 'front.yaml', '--html', 'front.html'], {
      cwd: folder,
      home: folder,
    });
    expect(page).toMatchObject({exitCode: 0});
    expect(await readFile(join(folder, 'front.html'), 'utf8')).toContain('What one goal costs in the other');
  });

  it('explains what it was made for, what it keeps to, and what another price would change', async () => {
    const explainOf = (...args: string[]): Promise<Ended> =>
      runEdgewise(['explain', 'priced.yaml', ...args], {cwd: folder, home: folder});
    const mostMs = ((await planOn('slow')).predicted.latencyMs * 1.2).toFixed(2);
    const made = await edgewise(
      'slow',
      '--objective',
      'money',
      '--max-latency',
      `${mostMs} ms`,
      '--output',
      'priced.yaml',
    );
    expect(made).toMatchObject({exitCode: 0});
    const told = await explainOf();
    expect(told.stdout).toMatch(/the least money USD: [\d.e-]+/);
    expect(told.stdout).toMatch(/Keeps within its limits: latency, [\d.]+ ms of at most [\d.]+ ms\./);
    const {goal, limits, runnerUps} = jsonOf<Explanation>(await explainOf('--json'));
    expect(goal).toMatchObject({name: 'money', unit: 'USD'});
    expect(limits).toMatchObject([{name: 'latency', allowed: Number(mostMs)}]);
    for (const {amount, reason} of runnerUps)
      if (amount !== null) expect(amount, reason).toBeGreaterThanOrEqual(goal.amount);

    const {whatIf} = jsonOf<Explanation>(await explainOf('--price', '0.80 USD', '--json'));
    expect(whatIf).toMatchObject({isProven: true, asked: {pricePerHour: {amount: 0.8, currency: 'USD'}}});
    // The price of an hour is doubled in the project too: the new plan is what was told.
    const doubled = (await readFile(join(folder, 'edgewise.yaml'), 'utf8')).replace('0.40 USD', '0.80 USD');
    await writeFile(join(folder, 'doubled.yaml'), doubled);
    const anew = await planOn(
      'slow',
      '--objective',
      'money',
      '--max-latency',
      `${mostMs} ms`,
      '--project',
      'doubled.yaml',
    );
    expect(whatIf?.best.latencyMs).toBeCloseTo(anew.predicted.latencyMs, 3);
    expect(whatIf?.best.money?.amount).toBeCloseTo(anew.predicted.money!.amount, 12);
    const text = await explainOf('--price', '0.80 USD');
    expect(text.stdout).toMatch(/At 0\.8 USD an hour, .* USD a request/s);

    const slower = jsonOf<Explanation>(await explainOf('--cloud-slower', '2x', '--json')).whatIf;
    expect(slower).toMatchObject({isProven: true, asked: {cloudSlower: 2}, best: {amount: {unit: 'USD'}}});
    const slow = await explainOf('--bandwidth', '10 kbit/s', '--link', 'device-cloud');
    expect(slow.stdout).toMatch(
      /At 0\.01 Mbit\/s from the device to the cloud|At 10 kbit\/s from the device to the cloud/,
    );
    expect(told.stdout).toContain('What would be the best, with everything else as measured');

    for (const [args, code] of [
      [['--link', 'device-cloud'], 'wrong-usage'],
      [['--rtt', '5 ms', '--link', 'gateway-cloud'], 'wrong-usage'],
      [['--price', '0.80 EUR'], 'currencies-differ'],
      [['--price', '0.80'], 'wrong-usage'],
      [['--price', '0.80 USD', '--rtt', '5 ms'], 'wrong-usage'],
    ] as const) {
      const ended = await explainOf(...args, '--json');
      expect(ended.exitCode).toBe(2);
      expect(jsonOf<Failure>(ended).error.code).toBe(code);
    }
  });

  it.each([
    [['lobby', '--pareto', 'latency'], 'wrong-usage', 2],
    [['lobby', '--pareto', 'latency,latency'], 'wrong-usage', 2],
    [['lobby', '--pareto', 'latency,weight'], 'wrong-usage', 2],
    [['plain', '--pareto', 'latency,energy'], 'quantity-not-declared', 2],
    [['plain', '--max-energy', '5 mJ'], 'quantity-not-declared', 2],
    [['plain', '--objective', 'money', '--project', 'unpriced.yaml'], 'quantity-not-declared', 2],
    [['lobby', '--max-latency', '80'], 'wrong-usage', 2],
    [['lobby', '--max-money', '1'], 'wrong-usage', 2],
    [['lobby', '--max-money', '1 EUR'], 'currencies-differ', 2],
    [['lobby', '--memory', 'moon=1MB'], 'wrong-usage', 2],
    [['lobby', '--min-device-layers', '1000'], 'nothing-feasible', 13],
  ] as const)('%j is refused with %s, and nothing is written', async (args, code, exitCode) => {
    await rm(join(folder, 'plans'), {recursive: true, force: true});
    expect((await failureOf(args, exitCode)).code).toBe(code);
    expect(await readdir(folder)).not.toContain('plans');
  });
});
