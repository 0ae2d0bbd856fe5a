import type {Build} from '../../documents/build.ts';
import type {VendorBuilds} from './compileByVendor.ts';
import type {CompileGoal} from './chooseGoals.ts';
import type {VendorCompiler} from './findVendorCompiler.ts';
import type {BuildTimes} from './timeBuilds.ts';

export interface MachineFacts {
  readonly compiler: VendorCompiler;
  readonly vendor: VendorBuilds | null;
  readonly times: BuildTimes | null;
  /** Builds among which time decides. */
  readonly rivalCount: number;
}

/** What ran where, and what did not for want of a machine or a tool; for the build document. */
export function explainMachines(
  {target, device}: CompileGoal,
  {compiler, vendor, times, rivalCount}: MachineFacts,
): {readonly decisions: Build['recipe']; readonly warnings: readonly string[]} {
  const decisions: Build['recipe'] = [];
  if (vendor !== null) {
    decisions.push({
      decision: `compiled with ${vendor.tools.join(', ') || compilerName(compiler)} on ${vendor.machine}`,
      reason: `target ${target.name} runs what its vendor's compiler makes of the ONNX file`,
    });
    if (compiler.kind === 'found' && compiler.choice !== undefined) decisions.push({...compiler.choice});
  }
  if (compiler.kind === 'absent') {
    decisions.push({
      decision: "not compiled with the vendor's compiler: the build is the ONNX file that it takes",
      reason: compiler.reason,
    });
  }
  if (times === null && rivalCount > 1) {
    decisions.push({decision: 'speed was not measured', reason: whyNotTimed()});
  }
  const warnings =
    compiler.kind === 'absent'
      ? [
          `Not compiled for ${target.name}: ${compiler.reason.replace(/\.$/, '')}. ${compiler.hints.join('; ')}`,
        ]
      : [];
  return {decisions, warnings};

  function whyNotTimed(): string {
    if (compiler.kind === 'absent') return `only what the compiler makes runs on ${target.name}`;
    if (compiler.kind === 'found' && compiler.name === 'iree' && device !== null)
      return `it was compiled for ${device.name} and did not run there`;
    if (vendor !== null && device !== null) return "the vendor's compiler does not measure";
    return `no device was named, and this machine is not of target ${target.name}`;
  }
}

function compilerName(compiler: VendorCompiler): string {
  return compiler.kind === 'found' ? compiler.name : 'the compiler';
}
