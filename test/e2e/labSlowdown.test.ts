import {expect, it} from 'vitest';
import {inTemporaryFolder, runEdgewise} from './runEdgewise.ts';

it('lab up warns of a slowdown that it cannot hold exactly, and of no other', async () => {
  await inTemporaryFolder(async folder => {
    const settings = {cwd: folder, home: folder};
    for (const [slowdown, warning] of [
      ['11', /^.*Above 10 times a device's slowdown is not held within 10 %\.$/m],
      ['10', /^(?![^]*not held)/],
    ] as const) {
      const up = await runEdgewise(['lab', 'up', '--slowdown', slowdown], settings);
      const down = await runEdgewise(['lab', 'down'], settings);
      expect([up.exitCode, down.exitCode]).toEqual([0, 0]);
      expect(up.stderr).toMatch(warning);
    }
  });
});
