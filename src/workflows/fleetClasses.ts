import type {Profile} from '../documents/profile.ts';
import type {ProjectDevice} from '../documents/project.ts';
import {profileFromYaml} from '../documents/readDocument.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import type {EmitEvent} from '../events.ts';
import {formDeviceClasses, type DeviceClass, type FleetDevice} from '../fleet/deviceClasses.ts';
import type {MeasuredSpeed} from '../fleet/differenceOfProfiles.ts';
import {targetFromHardware} from '../targets/targetFromHardware.ts';
import {readDocumentText} from '../workspace/projectFolder.ts';
import {cloudOf, selectDevices, type OpenProject} from './openProject.ts';

/** A class that can be planned: some member's profile speaks for it. */
export type ProfiledClass = DeviceClass & {readonly representative: string};

/**
 * The classes to plan for: of the whole fleet without names; a group's name is its class, a device's name that device
 * alone, with the profile of its group where it has none.
 * @throws ExpectedError `unknown-device`, `profile-missing` with everyone whom no profile speaks for
 */
export async function formFleetClasses(
  project: OpenProject,
  names: readonly string[],
  build: string,
  emit: EmitEvent,
  options: {readonly takesOtherBuilds: boolean} = {takesOtherBuilds: false},
): Promise<ProfiledClass[]> {
  const {groups = [], devices} = project.project;
  const groupNames = new Set(groups.map(group => group.name));
  const alone = selectDevices(
    project.project,
    names.filter(name => !groupNames.has(name)),
  ).filter(({name}) => names.includes(name));
  const profiles = new Map<string, Profile>();
  const readProfiles = async (machines: readonly ProjectDevice[]): Promise<void> => {
    for (const {name} of machines) {
      const file = project.profileFile(name);
      const text = profiles.has(name) ? null : await readDocumentText(file);
      if (text !== null) profiles.set(name, profileFromYaml(text, file));
    }
  };
  await readProfiles(alone);
  if (names.length > 0 && alone.length === names.length && alone.every(({name}) => profiles.has(name)))
    return requireProfiles(
      alone.map(({name}) => classOfOne(name, name)),
      profiles,
    );

  await readProfiles(devices);
  const cloud = cloudOf(project.project)?.name ?? null;
  const classes = formDeviceClasses(
    devices.map(device =>
      fleetDevice(device, profiles.get(device.name), cloud, options.takesOtherBuilds ? null : build),
    ),
    groups,
  );
  const wanted =
    names.length === 0
      ? classes
      : [
          ...classes.filter(({name, origin}) => origin === 'group' && names.includes(name)),
          ...alone.map(({name}) =>
            classOfOne(
              name,
              profiles.has(name)
                ? name
                : (classes.find(each => each.devices.includes(name))?.representative ?? null),
            ),
          ),
        ];
  warnOfUnlikeDevices(wanted, emit);
  return requireProfiles(wanted, profiles);
}

function classOfOne(name: string, representative: string | null): DeviceClass {
  return {
    name,
    origin: 'alone',
    representative,
    devices: [name],
    estimatedDevices: representative === name ? [] : [name],
    unlikeDevices: [],
  };
}

function fleetDevice(
  {name, labels = {}, target, gateway}: ProjectDevice,
  profile: Profile | undefined,
  cloud: string | null,
  build: string | null,
): FleetDevice {
  return {
    name,
    labels,
    traits: {...traitsOf(profile, target), ...(gateway === undefined ? {} : {gateway})},
    speed: profile === undefined ? null : speedOf(profile, build, gateway ?? cloud),
  };
}

/** `null` for a profile of another model, unless any will do: classes rest on what plans will use. */
function speedOf({models, links}: Profile, build: string | null, peer: string | null): MeasuredSpeed | null {
  const times = build === null ? models[0] : models.find(model => model.build === build);
  return times === undefined ? null : {times, link: links.find(({to}) => to === peer) ?? null};
}

function traitsOf(profile: Profile | undefined, target: string | undefined): Record<string, string> {
  const hardware = profile?.hardware;
  if (hardware === undefined) return target === undefined ? {} : {target};
  return {
    target: target ?? targetFromHardware(hardware).name,
    cores: `${hardware.cores}x`,
    memory: memoryClassOf(hardware.memoryBytes),
    cpu: hardware.cpuModel,
    board: hardware.board?.model ?? '',
  };
}

/** Boards sold with 8 GiB report 7.6 to 8: the nearest power of two is what they were sold with. */
function memoryClassOf(memoryBytes: number): string {
  const mebibytes = 2 ** Math.round(Math.log2(Math.max(1, memoryBytes) / 2 ** 20));
  return mebibytes < 1024 ? `${mebibytes}mib` : `${mebibytes / 1024}gib`;
}

function warnOfUnlikeDevices(classes: readonly DeviceClass[], emit: EmitEvent): void {
  for (const {name, representative, unlikeDevices} of classes) {
    if (unlikeDevices.length === 0) continue;
    const others = listNames(unlikeDevices.map(device => device.name));
    emit({
      kind: 'note',
      level: 'warning',
      text: `Group ${name} is planned from the profile of ${representative}; measured otherwise: ${others}.`,
    });
  }
}

/** A class whose only profiles are of another model keeps one of them, so that planning says what is stale. */
function requireProfiles(
  classes: readonly DeviceClass[],
  profiles: ReadonlyMap<string, Profile>,
): ProfiledClass[] {
  const speaking = classes.map(each => ({
    ...each,
    representative: each.representative ?? each.devices.find(device => profiles.has(device)) ?? null,
  }));
  const missing = speaking.filter(({representative}) => representative === null);
  const names = missing.flatMap(({devices}) => devices);
  if (names.length > 0) {
    const toProfile = missing.slice(0, 5).map(({devices}) => devices[0]);
    throw new ExpectedError(
      'profile-missing',
      names.length === 1
        ? `${names.join('')} has not been profiled: there is no ${toProfile.join('')}.yaml in profiles/.`
        : `No profile speaks for ${names.length} devices: ${listNames(names)}.`,
      EXIT.usage,
      {
        hints: [
          `edgewise profile ${toProfile.join(' ')}`,
          'Name devices that are alike as a group in edgewise.yaml: one profile speaks for all of them.',
        ],
      },
    );
  }
  return speaking.flatMap(each =>
    each.representative === null ? [] : [{...each, representative: each.representative}],
  );
}

function listNames(names: readonly string[]): string {
  const SHOWN = 5;
  if (names.length <= SHOWN) return names.join(', ');
  return `${names.slice(0, SHOWN).join(', ')} and ${names.length - SHOWN} more`;
}
