import {differenceOfProfiles, LIKENESS, type MeasuredSpeed} from './differenceOfProfiles.ts';

/** A device as far as its class depends on it. */
export interface FleetDevice {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What must be the same for two devices to be alike: target, processor, memory, what is declared of them. */
  readonly traits: Readonly<Record<string, string>>;
  /** `null` when it has not been profiled with this model. */
  readonly speed: MeasuredSpeed | null;
}

export interface DeviceGroup {
  readonly name: string;
  /** Every label must have this value; no label at all selects every device. */
  readonly selector: Readonly<Record<string, string>>;
}

export interface DeviceClass {
  readonly name: string;
  readonly origin: 'group' | 'alike' | 'alone';
  /** Whose profile speaks for all; `null` when none of them has one. */
  readonly representative: string | null;
  /** By name. */
  readonly devices: readonly string[];
  /** Those without a profile of their own. */
  readonly estimatedDevices: readonly string[];
  /** Profiled members of a group that lie further from the representative than alike devices do, and by how much. */
  readonly unlikeDevices: readonly {readonly name: string; readonly difference: number}[];
}

/**
 * One class per group, of the devices that no earlier group selects; the others by likeness of their traits and profiles,
 * and each for itself where it has no profile. The same for any order of the devices. Classes by name.
 * @see differenceOfProfiles for what alike means
 */
export function formDeviceClasses(
  devices: readonly FleetDevice[],
  groups: readonly DeviceGroup[],
): DeviceClass[] {
  const sorted = [...devices].sort(byName);
  const grouped = new Map<string, FleetDevice[]>(groups.map(({name}) => [name, []]));
  const others: FleetDevice[] = [];
  for (const device of sorted) {
    const group = groups.find(({selector}) => isSelected(device, selector));
    (group === undefined ? others : grouped.get(group.name))?.push(device);
  }
  const classes: DeviceClass[] = [];
  for (const [name, members] of grouped)
    if (members.length > 0) classes.push(classOf(name, 'group', members));
  const alike = alikeDevices(others);
  const names = namesOf(alike, new Set([...groups, ...devices].map(({name}) => name)));
  for (const [index, members] of alike.entries())
    classes.push(classOf(names[index] ?? '', members.length === 1 ? 'alone' : 'alike', members));
  return classes.sort(byName);
}

export function isSelected(
  {labels}: Pick<FleetDevice, 'labels'>,
  selector: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([label, value]) => labels[label] === value);
}

/** Greedy, the fastest first: a device joins the first class of the same traits all of whose members it is alike to. */
function alikeDevices(devices: readonly FleetDevice[]): FleetDevice[][] {
  const bySpeed = [...devices].sort(
    (left, right) => wholeRunMs(left) - wholeRunMs(right) || byName(left, right),
  );
  const byTraits = new Map<string, FleetDevice[][]>();
  const classes: FleetDevice[][] = [];
  for (const device of bySpeed) {
    const key = JSON.stringify(Object.entries(device.traits).sort());
    const candidates = byTraits.get(key) ?? [];
    const home = candidates.find(members => members.every(member => areAlike(member, device)));
    if (home !== undefined) home.push(device);
    else {
      const created = [device];
      classes.push(created);
      byTraits.set(key, [...candidates, created]);
    }
  }
  return classes;
}

function areAlike(left: FleetDevice, right: FleetDevice): boolean {
  if (left.speed === null || right.speed === null) return false;
  return differenceOfProfiles(left.speed, right.speed, LIKENESS) <= 1;
}

function classOf(name: string, origin: DeviceClass['origin'], members: readonly FleetDevice[]): DeviceClass {
  const sorted = [...members].sort(byName);
  const representative = middleOf(sorted);
  return {
    name,
    origin,
    representative: representative?.name ?? null,
    devices: sorted.map(device => device.name),
    estimatedDevices: sorted.filter(({speed}) => speed === null).map(device => device.name),
    unlikeDevices: sorted.flatMap(device => {
      if (!representative?.speed || !device.speed) return [];
      const difference = differenceOfProfiles(representative.speed, device.speed);
      return difference > 1 ? [{name: device.name, difference}] : [];
    }),
  };
}

/** The profiled member that lies nearest to all others; the first by name of several. */
function middleOf(members: readonly FleetDevice[]): FleetDevice | null {
  const profiled = members.filter(({speed}) => speed !== null);
  // What is infinitely far is as far for everyone: a number keeps the sums apart.
  const FAR = 1e6;
  let best: {device: FleetDevice; sum: number} | null = null;
  for (const device of profiled) {
    let sum = 0;
    for (const other of profiled)
      if (device.speed && other.speed) sum += Math.min(FAR, differenceOfProfiles(device.speed, other.speed));
    if (best === null || sum < best.sum) best = {device, sum};
  }
  return best?.device ?? null;
}

/** A device alone keeps its name; the others are named after what they are, and counted where several are the same. */
function namesOf(classes: readonly (readonly FleetDevice[])[], taken: ReadonlySet<string>): string[] {
  const stems = classes.map(([first, second]) =>
    first === undefined || second === undefined ? null : stemOf(first),
  );
  const total = new Map<string, number>();
  for (const stem of stems) if (stem !== null) total.set(stem, (total.get(stem) ?? 0) + 1);
  const used = new Set(taken);
  const counts = new Map<string, number>();
  return classes.map(([first], index) => {
    const stem = stems[index];
    if (stem === undefined || stem === null) return first?.name ?? '';
    const digits = String(total.get(stem) ?? 1).length;
    let name = (total.get(stem) ?? 1) > 1 ? null : stem;
    while (name === null || used.has(name)) {
      const count = (counts.get(stem) ?? 0) + 1;
      counts.set(stem, count);
      name = `${stem}-${String(count).padStart(digits, '0')}`;
    }
    used.add(name);
    return name;
  });
}

function stemOf({traits}: FleetDevice): string {
  const parts = [traits['target'], traits['cores'], traits['memory']].filter(part => part !== undefined);
  return parts.join('-').replaceAll(/[^A-Za-z0-9._-]+/g, '-') || 'class';
}

function wholeRunMs({speed}: FleetDevice): number {
  return speed?.times.wholeRun.medianMs ?? Infinity;
}

function byName(left: {readonly name: string}, right: {readonly name: string}): number {
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0;
}
