import {EXIT, ExpectedError} from '../errors.ts';
import type {Hardware} from '../documents/profile.ts';

const ARCHITECTURES = ['x64', 'arm64'];
/** What the Node binary and ONNX Runtime are linked against. */
const MIN_GLIBC = {major: 2, minor: 28};

/**
 * Whether the runtime starts on such a device.
 * @throws ExpectedError `architecture-unsupported`, `libc-unsupported`
 */
export function checkSupported(
  hardware: Pick<Hardware, 'architecture' | 'operatingSystem' | 'libc'>,
  name: string,
): void {
  const canStill = `${name} can still be planned as cloud-only`;
  if (!ARCHITECTURES.includes(hardware.architecture)) {
    throw new ExpectedError(
      'architecture-unsupported',
      `${name} is ${hardware.architecture} (${hardware.operatingSystem}); the runtime exists for ${ARCHITECTURES.join(' and ')} only, and ${canStill}.`,
      EXIT.unsupported,
      {
        hints: [
          ['armv7', 'x86'].includes(hardware.architecture)
            ? `Where the board has 64 bits, install a 64-bit system on ${name}`
            : `Have a gateway or the cloud serve the model for ${name}`,
        ],
      },
    );
  }
  const {name: library, version} = hardware.libc;
  if (library !== 'glibc') {
    throw new ExpectedError(
      'libc-unsupported',
      `${name} (${hardware.operatingSystem}) has the C library ${library} ${version}; the runtime needs glibc ${MIN_GLIBC.major}.${MIN_GLIBC.minor} or newer, and ${canStill}.`,
      EXIT.unsupported,
      {hints: [`Install a system with glibc (Debian, Ubuntu, RHEL) on ${name}`]},
    );
  }
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < MIN_GLIBC.major || (major === MIN_GLIBC.major && minor < MIN_GLIBC.minor)) {
    throw new ExpectedError(
      'libc-unsupported',
      `${name} (${hardware.operatingSystem}) has glibc ${version}; the runtime needs ${MIN_GLIBC.major}.${MIN_GLIBC.minor} or newer, and ${canStill}.`,
      EXIT.unsupported,
      {hints: [`Upgrade the system of ${name}`]},
    );
  }
}
