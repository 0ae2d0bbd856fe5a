import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {formDeviceClasses, type FleetDevice} from '../../../src/fleet/deviceClasses.ts';
import {differenceOfProfiles} from '../../../src/fleet/differenceOfProfiles.ts';
import {deviceOf, speedOf} from './fleetDevices.ts';

describe('device classes', () => {
  it('follow the first group whose labels a device has, whatever profiles say', () => {
    const lte = {labels: {link: 'lte', site: 'north'}};
    const classes = formDeviceClasses(
      [
        deviceOf('c', {...lte, speed: speedOf([100])}),
        deviceOf('a', {...lte, speed: speedOf([10])}),
        deviceOf('b', {...lte}),
        deviceOf('d', {labels: {site: 'north'}}),
        deviceOf('e', {speed: speedOf([10])}),
      ],
      [
        {name: 'moving', selector: {link: 'lte'}},
        {name: 'north', selector: {site: 'north'}},
        {name: 'nobody', selector: {site: 'south'}},
      ],
    );
    expect(classes).toEqual([
      expect.objectContaining({name: 'e', origin: 'alone', representative: 'e', devices: ['e']}),
      {
        name: 'moving',
        origin: 'group',
        representative: 'a',
        devices: ['a', 'b', 'c'],
        estimatedDevices: ['b'],
        unlikeDevices: [{name: 'c', difference: 4.5}],
      },
      expect.objectContaining({name: 'north', representative: null, estimatedDevices: ['d']}),
    ]);
  });

  it('are named after what devices are, counted from the fastest, and never like a device', () => {
    const names = formDeviceClasses(
      [
        ...['a', 'b'].map(name => deviceOf(name, {speed: speedOf([50])})),
        ...['c', 'd'].map(name => deviceOf(name, {speed: speedOf([10])})),
        deviceOf('arm64-4-cores-4096-mib', {speed: speedOf([500])}),
      ],
      [],
    ).map(({name, devices}) => [name, devices]);
    expect(names).toEqual([
      ['arm64-4-cores-4096-mib', ['arm64-4-cores-4096-mib']],
      ['arm64-4-cores-4096-mib-1', ['c', 'd']],
      ['arm64-4-cores-4096-mib-2', ['a', 'b']],
    ]);
  });

  it('keep devices apart that have other traits or links', () => {
    const speed = speedOf([10], {up: 1e6});
    expect(
      formDeviceClasses(
        [
          deviceOf('a', {speed}),
          deviceOf('b', {speed, traits: {target: 'arm64', cores: '8-cores'}}),
          deviceOf('c', {speed: speedOf([10], {up: 3e6})}),
          deviceOf('d', {speed: speedOf([10])}),
        ],
        [],
      ).map(({devices}) => devices),
    ).toEqual([['a'], ['b'], ['c'], ['d']]);
  });

  it('are spoken for by the member in their middle', () => {
    const [made] = formDeviceClasses(
      [10, 10.4, 10.9, 11.2, 11.5].map((ms, index) => deviceOf(`d${index}`, {speed: speedOf([ms])})),
      [],
    );
    expect(made?.representative).toBe('d2');
  });

  it('hold every device once, of any two alike, and do not depend on the order', () => {
    const device = fc.record({
      ms: fc.integer({min: 8, max: 40}),
      up: fc.constantFrom(1e6, 1.5e6, 4e6, null),
      cores: fc.constantFrom('4-cores', '8-cores'),
      site: fc.constantFrom('north', 'south'),
      isProfiled: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(device, {minLength: 1, maxLength: 25}),
        fc.array(fc.nat(), {minLength: 25, maxLength: 25}),
        (rows, keys) => {
          const devices = rows.map(({ms, up, cores, site, isProfiled}, index): FleetDevice =>
            deviceOf(`d${String(index).padStart(2, '0')}`, {
              labels: {site},
              traits: {cores},
              speed: isProfiled ? speedOf([ms, 1], up === null ? null : {up}) : null,
            }),
          );
          const groups = [{name: 'north', selector: {site: 'north'}}];
          const classes = formDeviceClasses(devices, groups);
          expect(classes.flatMap(each => each.devices).sort()).toEqual(devices.map(({name}) => name));
          const shuffled = devices
            .map((each, index) => ({each, key: keys[index] ?? 0}))
            .sort((left, right) => left.key - right.key)
            .map(({each}) => each);
          expect(formDeviceClasses(shuffled, groups)).toEqual(classes);
          const speeds = new Map(devices.map(({name, speed}) => [name, speed]));
          for (const {origin, devices: members} of classes) {
            if (origin !== 'alike') continue;
            for (const left of members)
              for (const right of members)
                expect(differenceOfProfiles(speeds.get(left)!, speeds.get(right)!)).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });
});
