import type {Probe} from './probe.ts';

export interface Processor {
  readonly model: string;
  readonly features: readonly string[];
  readonly cores: number;
}

// ARM names no model but two numbers. @see MIDR_EL1 in the Arm Architecture Reference Manual and the cores' own manuals
const ARM_PARTS: Readonly<Record<string, string>> = {
  '0xc07': 'ARM Cortex-A7',
  '0xc09': 'ARM Cortex-A9',
  '0xc0f': 'ARM Cortex-A15',
  '0xd03': 'ARM Cortex-A53',
  '0xd04': 'ARM Cortex-A35',
  '0xd05': 'ARM Cortex-A55',
  '0xd07': 'ARM Cortex-A57',
  '0xd08': 'ARM Cortex-A72',
  '0xd09': 'ARM Cortex-A73',
  '0xd0a': 'ARM Cortex-A75',
  '0xd0b': 'ARM Cortex-A76',
  '0xd0c': 'ARM Neoverse-N1',
  '0xd40': 'ARM Neoverse-V1',
  '0xd41': 'ARM Cortex-A78',
  '0xd42': 'ARM Cortex-A78AE',
  '0xd44': 'ARM Cortex-X1',
  '0xd49': 'ARM Neoverse-N2',
  '0xd4f': 'ARM Neoverse-V2',
};

/** Both forms of the file: x86 (`model name`, `flags`) and ARM (`CPU part`, `Features`). A mix of cores is named in full. */
export const processor: Probe<Processor> = {
  argv: ['cat', '/proc/cpuinfo'],
  parse: stdout => {
    const models = new Set<string>();
    const features = new Set<string>();
    let cores = 0;
    let implementer: string | undefined;
    for (const line of stdout.split('\n')) {
      const separator = line.indexOf(':');
      if (separator < 0) continue;
      const key = line.slice(0, separator).trim();
      const value = line.slice(separator + 1).trim();
      if (key === 'processor' && /^\d+$/.test(value)) cores += 1;
      else if (key === 'model name' && !/^ARMv\d Processor/.test(value))
        models.add(value.replace(/\s+/g, ' '));
      else if (key === 'CPU implementer') implementer = value.toLowerCase();
      else if (key === 'CPU part') models.add(armModel(implementer, value.toLowerCase()));
      else if (key === 'flags' || key === 'Features')
        for (const word of value.split(/\s+/)) if (word !== '') features.add(word);
    }
    if (cores === 0) return undefined;
    return {
      model: models.size === 0 ? 'unknown' : [...models].join(' + '),
      features: [...features].sort(),
      cores,
    };
  },
};

function armModel(implementer: string | undefined, part: string): string {
  const name = implementer === '0x41' ? ARM_PARTS[part] : undefined;
  return name ?? `implementer ${implementer ?? 'unknown'} part ${part}`;
}
