import type {RolloutSummary} from '../documents/rollout.ts';

/**
 * Gates and devices as JUnit XML, the form that CI systems show: one suite per wave, one case per gate and per device.
 * @see https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd, which wants a `time` of each case
 */
export function junitFromRollout({id, waves, devices, reason}: RolloutSummary): string {
  const suites = waves.map(({wave, gates}) => {
    const cases = [
      ...gates.map(({gate, verdict, reason: why}) => ({
        name: `gate ${gate}`,
        failure: verdict === 'fail' ? why : null,
        skipped: verdict === 'inconclusive' ? why : null,
      })),
      ...devices
        .filter(each => each.wave === wave)
        .map(({device, phase, detail}) => ({
          name: `device ${device}`,
          failure: ['failed', 'lost', 'reverted', 'revert-failed'].includes(phase)
            ? `${phase}: ${detail ?? reason ?? ''}`
            : null,
          skipped: ['waiting', 'deferred', 'staged'].includes(phase) ? `${phase}: ${detail ?? ''}` : null,
        })),
    ];
    const failures = cases.filter(({failure}) => failure !== null).length;
    const skipped = cases.filter(({skipped: why}) => why !== null).length;
    const suite = escapeXml(`${id} wave ${wave}`);
    return [
      `  <testsuite name="${suite}" tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}">`,
      ...cases.flatMap(({name, failure, skipped: why}) => {
        const open = `    <testcase classname="${suite}" name="${escapeXml(name)}" time="0"`;
        if (failure !== null)
          return [`${open}>`, `      <failure message="${escapeXml(failure)}"/>`, '    </testcase>'];
        if (why !== null)
          return [`${open}>`, `      <skipped message="${escapeXml(why)}"/>`, '    </testcase>'];
        return [`${open}/>`];
      }),
      '  </testsuite>',
    ].join('\n');
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${escapeXml(id)}">`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

/** Characters that XML 1.0 cannot hold at all are left out. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
