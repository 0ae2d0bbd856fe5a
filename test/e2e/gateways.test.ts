import {appendFile, copyFile, mkdir, readdir, readFile, rm, mkdtemp, writeFile} from 'node:fs/promises';
import {existsSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Explanation} from '../../src/documents/explanation.ts';
import type {InferResult} from '../../src/documents/inference.ts';
import type {Plan} from '../../src/documents/plan.ts';
import {yamlFromDocument} from '../../src/documents/printDocument.ts';
import {planFromYaml, profileFromYaml} from '../../src/documents/readDocument.ts';
import {randomFeeds} from '../../src/engine/randomFeeds.ts';
import {runOnce} from '../../src/engine/session.ts';
import {readNpy, writeNpy} from '../../src/workspace/npy.ts';
import {jsonOf, ROOT, runEdgewise, type Ended} from './runEdgewise.ts';

/** Placements are dealt out by hand: a link is measured long enough to tell which it is. */
const PROFILE_QUICKLY = ['--runs', '3', '--sustained-seconds', '0', '--link-seconds', '1'];

type TierName = Plan['layers'][number]['tier'];

interface Pushed {
  readonly outcome: string;
  readonly release: string;
  readonly cloudModel: string | null;
  readonly sentBytes: number;
}

describe('device, gateway and cloud in the lab', {timeout: 300_000}, () => {
  let folder: string;
  let expected: Float32Array;
  const plans = new Map<string, Plan>();
  const home = () => join(folder, 'home');
  const project = () => join(folder, 'project');
  const gatewayHome = () => join(project(), '.edgewise/lab/devices/gateway-1/.edgewise/gateway');
  const edgewise = (...args: string[]): Promise<Ended> =>
    runEdgewise(args, {cwd: project(), home: home(), timeoutMs: 240_000});
  const succeed = async (...args: string[]): Promise<Ended> => {
    const ended = await edgewise(...args);
    expect(ended.exitCode, `${args.join(' ')}\n${ended.stdout}\n${ended.stderr}`).toBe(0);
    return ended;
  };
  const parts = async (): Promise<string[]> => (await readdir(join(gatewayHome(), 'parts'))).sort();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgewise-gateways-'));
    for (const part of ['home', 'project']) await mkdir(join(folder, part));
    await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(project(), 'pictures.onnx'));
    await succeed(
      ...['lab', 'up', '--device', 'pi-1', '--device', 'pi-2', '--gateways', '1', '--direct'],
      ...['--slowdown', '1', '--gateway-slowdown', '1', '--gateway-mbit', '200', '--link-mbit', '2'],
      ...['--model', 'pictures.onnx', '--shape', 'image=1,3,32,32'],
    );
    // Placements are dealt out below, whatever the plan predicted.
    await appendFile(
      join(project(), 'edgewise.yaml'),
      'rollout: {gates: {minSamples: 5, p95ToPrediction: 1000, p95ToPrevious: 1000}}\n',
    );
    const feeds = randomFeeds([{name: 'image', elementType: 'float32', shape: [5, 3, 32, 32]}], 3);
    await writeNpy(join(project(), 'image.npy'), feeds['image']!);
    const rows = await Promise.all(
      Array.from({length: 5}, async (_, row) => {
        const {bytes} = feeds['image']!;
        const size = bytes.byteLength / 5;
        const image = {
          elementType: 'float32',
          shape: [1, 3, 32, 32],
          bytes: bytes.slice(row * size, (row + 1) * size),
        } as const;
        const {outputs} = await runOnce({path: join(project(), 'pictures.onnx')}, {image});
        return floatsOf(outputs['probabilities']!.bytes);
      }),
    );
    expected = Float32Array.from(rows.flatMap(row => [...row]));
  }, 120_000);

  afterAll(async () => {
    await edgewise('lab', 'down');
    await rm(folder, {recursive: true, force: true});
  });

  /** Sends the five pictures and holds every answer against the unsplit model's. */
  const inferAndCompare = async (device: string): Promise<InferResult> => {
    const answer = jsonOf<InferResult>(
      await succeed('infer', device, '--input', 'image.npy', '--output', 'answers', '--json'),
    );
    const given = floatsOf((await readNpy(join(project(), 'answers/probabilities.npy'))).bytes);
    expect(given).toHaveLength(expected.length);
    given.forEach((value, index) => expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-5));
    return answer;
  };

  /** Planned again only when the project has changed. */
  const planOf = async (device: string, file: string): Promise<Plan> => {
    const key = `${device}\n${await readFile(join(project(), 'edgewise.yaml'), 'utf8')}`;
    const known = plans.get(key);
    if (known !== undefined) return known;
    await succeed('plan', device);
    const plan = planFromYaml(await readFile(file, 'utf8'), file);
    plans.set(key, plan);
    return plan;
  };

  /** The device's plan with its layers dealt out to tiers as told, the last tier for what is left. */
  const placeLayers = async (device: string, runs: readonly (readonly [TierName, number])[]) => {
    const file = join(project(), `plans/${device}.yaml`);
    const plan = await planOf(device, file);
    const tiers = runs.flatMap(([tier, count]) => Array.from({length: count}, () => tier));
    const layers = plan.layers.map((layer, at) => ({...layer, tier: tiers[at] ?? tiers.at(-1)!}));
    const placed: Plan = {
      ...plan,
      tiers: [
        {tier: 'device', machine: device},
        {tier: 'gateway', machine: 'gateway-1'},
        {tier: 'cloud', machine: 'cloud'},
      ],
      layers,
    };
    await writeFile(file, yamlFromDocument('plan', placed));
    return file;
  };
  const push = async (file: string): Promise<Pushed> => jsonOf<Pushed>(await succeed('push', file, '--json'));

  it('profiles the gateway like a device, and every link from where it starts', async () => {
    await succeed('profile', 'pi-1', ...PROFILE_QUICKLY, '--accept-new-host-keys');
    const read = async (name: string) => {
      const file = join(project(), `profiles/${name}.yaml`);
      return profileFromYaml(await readFile(file, 'utf8'), file);
    };
    const gateway = await read('gateway-1');
    expect(gateway.machine).toMatchObject({name: 'gateway-1', tier: 'gateway'});
    expect(gateway.hardware?.architecture).toBe(process.arch);
    expect(gateway.links.map(({to}) => to)).toEqual(['cloud']);
    const device = await read('pi-1');
    expect(device.links.map(({to}) => to)).toEqual(['gateway-1', 'cloud']);
    // 200 Mbit/s are 25 MB/s, of which a busy machine brings a part; 2 are 0.25, and a fit may be off.
    expect(device.links[0]!.upBytesPerSecond).toBeGreaterThan(0.75e6);
    expect(gateway.links[0]!.upBytesPerSecond).toBeLessThan(0.7e6);
    // The other device is its twin.
    const text = await readFile(join(project(), 'profiles/pi-1.yaml'), 'utf8');
    await writeFile(join(project(), 'profiles/pi-2.yaml'), text.replaceAll('pi-1', 'pi-2'));
    expect(gateway.models[0]!.layers.map(({name}) => name)).toEqual(
      device.models[0]!.layers.map(({name}) => name),
    );
  });

  it('runs a plan over all three tiers; a second push changes nothing', async () => {
    const file = await placeLayers('pi-1', [
      ['device', 2],
      ['gateway', 2],
      ['cloud', 99],
    ]);
    const pushed = await push(file);
    expect(pushed.outcome).toBe('activated');
    expect(pushed.cloudModel).toMatch(/^pictures-[0-9a-f]{12}$/);
    expect(await parts()).toEqual([expect.stringMatching(/^pictures-[0-9a-f]{12}$/)]);
    expect(await push(file)).toMatchObject({outcome: 'unchanged', release: pushed.release, sentBytes: 0});
    const {measured} = await inferAndCompare('pi-1');
    expect(measured.tiers.map(({tier}) => tier)).toEqual(['device', 'gateway', 'cloud']);
    expect(measured.links.map(({from, to}) => `${from}-${to}`)).toEqual(['device-gateway', 'gateway-cloud']);
    for (const {ms} of [...measured.tiers, ...measured.links]) expect(ms).toBeGreaterThan(0);
    expect(measured.aloneRequests).toBe(0);
    const shown = (await succeed('infer', 'pi-1', '--input', 'image.npy')).stdout;
    for (const row of ['device', 'link to gateway', 'gateway', 'link to cloud', 'cloud', 'total'])
      expect(shown).toMatch(new RegExp(`^${row} `, 'm'));
  });

  it('plan --verify runs candidates on the gateway too and leaves nothing; the plan answers for either link', async () => {
    const before = await parts();
    const asked = ['--verify', '--candidates', '3', '--rounds', '6', '--output', 'verified.yaml'];
    await succeed('plan', 'pi-1', ...asked);
    const text = await readFile(join(project(), 'verified.yaml'), 'utf8');
    const {verified, outlook} = planFromYaml(text, 'verified.yaml');
    const {candidates} = verified!;
    expect(candidates.map(({name}) => name)).toEqual(
      expect.arrayContaining(['device-only', 'gateway-only', 'cloud-only']),
    );
    for (const {name, measured} of candidates) expect(measured?.requests, name).toBe(6);
    expect(candidates.find(({name}) => name === 'gateway-only')!.measured!.linkMs).toBeGreaterThan(0);
    expect(await parts()).toEqual(before);
    expect(new Set(outlook!.axes.map(({from, to}) => `${from}-${to}`))).toEqual(
      new Set(['device-gateway', 'device-cloud', 'gateway-cloud', 'undefined-undefined']),
    );
    const whatIf = ['--link', 'gateway-cloud', '--bandwidth', '100 kbit/s', '--json'];
    const explained = jsonOf<Explanation>(await succeed('explain', 'verified.yaml', ...whatIf));
    expect(explained.whatIf!.best.latencyMs).toBeLessThanOrEqual(explained.whatIf!.chosen.latencyMs);
    expect(explained.whatIf!.best.amount?.unit).toBe('ms');
  });

  it('another device with the same segments shares the part', async () => {
    const before = await parts();
    const file = await placeLayers('pi-2', [
      ['device', 2],
      ['gateway', 2],
      ['cloud', 99],
    ]);
    await push(file);
    expect(await parts()).toEqual(before);
    await inferAndCompare('pi-2');
  });

  it('comes back to the device and goes up again, and lets go what no release needs any more', async () => {
    const projectFile = join(project(), 'edgewise.yaml');
    await writeFile(projectFile, `${await readFile(projectFile, 'utf8')}retention: 1\n`);
    const [first] = await parts();
    const there = await push(
      await placeLayers('pi-1', [
        ['device', 1],
        ['gateway', 1],
        ['device', 1],
        ['cloud', 1],
        ['gateway', 1],
        ['cloud', 99],
      ]),
    );
    expect(there.cloudModel?.split(', ')).toHaveLength(2);
    await inferAndCompare('pi-1');
    // The release before is kept, to go back to; so is what the other device uses.
    expect((await parts()).length).toBeGreaterThan(2);
    expect(await parts()).toContain(first);
    for (const count of [1, 2]) {
      await push(
        await placeLayers('pi-1', [
          ['device', count],
          ['gateway', 99],
        ]),
      );
      await inferAndCompare('pi-1');
    }
    const users = await readFile(join(gatewayHome(), 'users/pi-1'), 'utf8');
    // Of the current release and of the previous one.
    expect(users.trim().split('\n')).toHaveLength(2);
    // And what only the other device uses any more.
    expect(await parts()).toHaveLength(3);
    expect(await parts()).toContain(first);
  });

  it('answers alone when the gateway is gone', async () => {
    await placeAndKill();
    const {measured} = await inferAndCompare('pi-1');
    expect(measured.aloneRequests).toBe(5);
  });

  it('says who is gone where there is to be no fallback', async () => {
    const file = join(project(), 'edgewise.yaml');
    await writeFile(file, `${await readFile(file, 'utf8')}fallback: none\n`);
    await placeAndKill();
    const failed = await edgewise('infer', 'pi-1', '--input', 'image.npy', '--json');
    expect(failed.exitCode).toBe(12);
    const {error} = jsonOf<{error: {code: string; message: string}}>(failed);
    expect(error.code).toBe('cloud-error');
    expect(error.message).toMatch(/answered 503: the gateway gateway-1: .*failed/);
  });

  async function placeAndKill(): Promise<void> {
    await push(
      await placeLayers('pi-1', [
        ['device', 2],
        ['gateway', 2],
        ['cloud', 99],
      ]),
    );
    expect((await inferAndCompare('pi-1')).measured.aloneRequests).toBe(0);
    const pidFile = join(gatewayHome(), 'supervisor.pid');
    process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGTERM');
    await expect.poll(() => existsSync(pidFile), {timeout: 20_000}).toBe(false);
  }
});

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}
