import {spawnSync} from 'node:child_process';
import {readdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {PlacementAnswer} from '../../src/documents/placementAnswer.ts';
import {inTemporaryFolder, jsonOf, ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

interface Failure {
  readonly error: {readonly code: string; readonly message: string};
}

/**
 * By hand: a takes 5 ms on the device and 1 in the cloud, b 50 and 2; x takes 100 ms up, y 10 up, z 0.5 down, and the round
 * trip 10. So device alone 55 ms, cloud alone 113.5, b alone in the cloud 27.5, a alone in the cloud cannot be.
 */
const TABLE = {
  kind: 'edgewise/costs',
  formatVersion: 1,
  tiers: ['device', 'cloud'],
  layers: [
    {name: 'a', timeMs: {device: 5, cloud: 1}, weightBytes: 1000},
    {name: 'b', timeMs: {device: 50, cloud: 2}, weightBytes: 2000},
  ],
  tensors: [
    {name: 'x', bytes: 125_000, producer: null, consumers: ['a'], isOutput: false},
    {name: 'y', bytes: 12_500, producer: 'a', consumers: ['b'], isOutput: false},
    {name: 'z', bytes: 1250, producer: 'b', consumers: [], isOutput: true},
  ],
  links: [{from: 'device', to: 'cloud', upMbitPerSecond: 10, downMbitPerSecond: 20, roundTripMs: 10}],
};

/** Runs `plan --from-costs` on this table in a folder without a project; nothing may be written there. */
async function planFrom(table: unknown, args: readonly string[] = ['--json']): Promise<Ended> {
  return inTemporaryFolder(async folder => {
    await writeFile(join(folder, 'costs.json'), JSON.stringify(table, null, 1));
    const ended = await runEdgewise(['plan', '--from-costs', 'costs.json', ...args], {
      cwd: folder,
      home: folder,
    });
    expect(await readdir(folder)).toEqual(['costs.json']);
    return ended;
  });
}

describe('plan --from-costs', () => {
  it('lists the placements that no other beats in latency and rate, by hand', async () => {
    const ended = await planFrom(TABLE, ['--pareto', 'latency,throughput', '--json']);
    expect(ended).toMatchObject({exitCode: 0, stderr: ''});
    const {pareto} = jsonOf<PlacementAnswer>(ended);
    // b in the cloud is the best in both: device 5 ms, link 10.5, cloud 2.
    expect(pareto).toEqual({
      goals: ['latency', 'throughput'],
      points: [
        {
          runs: [
            {tier: 'device', first: 'a', last: 'a'},
            {tier: 'cloud', first: 'b', last: 'b'},
          ],
          latencyMs: 27.5,
          bottleneckMs: 10.5,
          isChosen: true,
          isSupported: true,
          toNext: 'all',
        },
      ],
      isComplete: true,
    });
    // With a slower cloud and a link nearly free, what is soonest keeps the device too busy.
    const slow = {
      ...TABLE,
      layers: [
        {...TABLE.layers[0]!, timeMs: {device: 30, cloud: 40}},
        {...TABLE.layers[1]!, timeMs: {device: 50, cloud: 60}},
      ],
      links: [{...TABLE.links[0]!, upMbitPerSecond: 1000, roundTripMs: 1}],
    };
    const front = jsonOf<PlacementAnswer>(
      await planFrom(slow, ['--pareto', 'throughput,latency', '--json']),
    ).pareto;
    expect(front?.points.map(({latencyMs, bottleneckMs}) => [bottleneckMs, latencyMs])).toEqual([
      [60, 91.6],
      [80, 80],
    ]);
    const text = await planFrom(slow, ['--pareto', 'throughput,latency']);
    expect(text.stdout).toContain(
      'No other placement is better in both: one request every ms against latency ms',
    );
  });

  it.each([['energy,latency'], ['latency,money']])('knows nothing of --pareto %s', async goals => {
    const ended = await planFrom(TABLE, ['--pareto', goals, '--json']);
    expect(ended).toMatchObject({exitCode: 2});
    expect(jsonOf<Failure>(ended).error.code).toBe('quantity-not-declared');
  });

  it('gives the best placement of a table with its proof, and nothing else on stdout', async () => {
    const ended = await planFrom(TABLE);
    expect(ended).toMatchObject({exitCode: 0, stderr: ''});
    const answer = jsonOf<PlacementAnswer>(ended);
    expect(answer).toMatchObject({
      kind: 'edgewise/placement',
      formatVersion: 1,
      decisions: [
        {layer: 'a', tier: 'device', reason: 'saves-transfer'},
        {layer: 'b', tier: 'cloud', reason: 'faster-here'},
      ],
      totals: {latencyMs: 27.5, bottleneckMs: 10.5, bytes: 13_750},
      certificate: {isOptimal: true, flow: 27_500_000, cut: 27_500_000, bound: 27_500_000},
    });
  });

  it('tells people the runs of layers, what crosses, the proof and what one tier for all would take', async () => {
    const {exitCode, stdout, stderr} = await planFrom(TABLE, []);
    expect({exitCode, stderr}).toEqual({exitCode: 0, stderr: ''});
    expect(stdout).toMatch(/^b +cloud +2\.00 +faster here$/m);
    expect(stdout).toMatch(/^y +device +cloud +12\.5 kB +10\.00$/m);
    expect(stdout).toMatch(/^all on device +55\.0 +55\.0$/m);
    expect(stdout).toContain('Proven best, flow = cut = 27500000 ns');
  });

  it('reads YAML from stdin and says why pins and memory move layers', async () => {
    const yaml = [
      'kind: edgewise/costs',
      'formatVersion: 1',
      'tiers: [device, cloud]',
      'layers:',
      '  - {name: a, timeMs: {device: 5, cloud: 1}, weightBytes: 1000}',
      '  - {name: b, timeMs: {device: 50, cloud: 2}, weightBytes: 2000}',
      'tensors: [{name: y, bytes: 1, producer: a, consumers: [b], isOutput: false}]',
      'links: [{from: device, to: cloud, upMbitPerSecond: 10, downMbitPerSecond: 20, roundTripMs: 0}]',
      'pins: [{layer: a*, tier: device}]',
      'memoryBytes: {cloud: 1999}',
    ].join('\n');
    const {status, stdout} = spawnSync(
      process.execPath,
      [join(ROOT, 'bin/run.js'), 'plan', '--from-costs', '-', '--json'],
      {input: yaml, encoding: 'utf8', cwd: '/'},
    );
    expect(status).toBe(0);
    const {decisions, totals} = JSON.parse(stdout) as PlacementAnswer;
    expect(decisions.map(({tier, reason}) => [tier, reason])).toEqual([
      ['device', 'pinned-by-user'],
      ['device', 'memory-elsewhere-full'],
    ]);
    expect(totals.latencyMs).toBe(55);
  });

  it('refuses a cost that is negative with file, line, layer and tier', async () => {
    const layers = [{name: 'a', timeMs: {device: 5, cloud: -1}}, ...TABLE.layers.slice(1)];
    const ended = await planFrom({...TABLE, layers});
    expect(ended.exitCode).toBe(10);
    expect(jsonOf<Failure>(ended).error).toMatchObject({
      code: 'invalid-document',
      message: 'costs.json:13:14: layers[0].timeMs.cloud of "a" is -1, expected at least 0',
    });
  });

  it('says which bytes are missing when weights have no room', async () => {
    const ended = await planFrom({...TABLE, memoryBytes: {device: 999, cloud: 1999}});
    expect(ended.exitCode).toBe(13);
    const {code, message} = jsonOf<Failure>(ended).error;
    expect(code).toBe('nothing-feasible');
    expect(message).toMatch(/device/);
    expect(message).toMatch(/bytes are missing/);
  });

  it.each([
    [['plan', 'pi-1', '--from-costs', 'costs.json'], 'wrong-usage'],
    [['plan', '--from-costs', 'costs.json', '--pin', 'a=device'], 'wrong-usage'],
    [['plan', '--from-costs', 'costs.json', '-C', 'here'], 'wrong-usage'],
    [['plan', '--from-costs', 'nowhere.json'], 'no-such-file'],
  ])('%j exits 2 with %s', async (args, code) => {
    await inTemporaryFolder(async folder => {
      await writeFile(join(folder, 'costs.json'), JSON.stringify(TABLE));
      const ended = await runEdgewise([...args, '--json'], {cwd: folder, home: folder});
      expect(jsonOf<Failure>(ended).error.code, ended.stdout).toBe(code);
      expect(ended.exitCode).toBe(2);
    });
  });
});
