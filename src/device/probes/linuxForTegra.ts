import type {Probe} from './probe.ts';

/** Version of NVIDIA's Linux for Tegra, "36.4.3" for instance: the system of Jetson boards. */
export const linuxForTegra: Probe<string> = {
  argv: ['cat', '/etc/nv_tegra_release'],
  parse: stdout => {
    const found = /^# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)/m.exec(stdout);
    return found === null ? undefined : `${found[1]}.${found[2]}`;
  },
};
