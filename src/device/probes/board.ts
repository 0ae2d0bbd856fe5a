import type {Probe} from './probe.ts';

export interface Board {
  readonly model: string;
  /** Vendor and part, most specific first: `rockchip,rk3588` for instance. */
  readonly compatible: readonly string[];
}

/** What the device tree calls the board; PCs have none. @see Devicetree Specification 0.4, section 2.3.1 */
export const board: Probe<Board> = {
  argv: ['cat', '/proc/device-tree/model', '/proc/device-tree/compatible'],
  parse: stdout => {
    // Strings end with NUL. A board that does not tell its model starts with what it is compatible with.
    const texts = stdout.split('\0').map(text => text.trim());
    const named = texts.filter(text => text !== '');
    const compatible = named.filter(text => /^[\w.+-]+,[\w.+-]+$/.test(text));
    const model = named.find(text => !compatible.includes(text)) ?? 'unknown';
    return named.length === 0 ? undefined : {model, compatible};
  },
};
