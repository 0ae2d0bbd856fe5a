import type {WhatIf, WhatIfAnswer, WhatIfPlacement} from '../../documents/explanation.ts';
import type {OutlookAxis, OutlookPlacement, PlanOutlook} from '../../documents/planOutlook.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {outOfRange} from '../envelope/answerWhatIf.ts';

type Line = OutlookPlacement['latencyMs'];
type Values = readonly number[];

/** What lies this little beyond a limit is within it. */
const ROUNDING = 1e-9;

/**
 * Which placement would be the best for a plan's goal and within its limits were links or the cloud other than measured, from its
 * outlook alone. Where one quantity differs it is what the outlook says; where several do, the best of those it knows.
 * @throws ExpectedError `wrong-usage`, `what-if-out-of-range` (both exit 2)
 */
export function answerFromOutlook(outlook: PlanOutlook, asked: WhatIf): WhatIfAnswer {
  const values = outlook.axes.map(({current}) => current);
  const changed: number[] = [];
  const change = (what: OutlookAxis['what'], value: number | undefined): void => {
    if (value === undefined) return;
    const at = axisFor(outlook, what, asked.link);
    values[at] = value;
    changed.push(at);
  };
  change('link-bandwidth', asked.bandwidthBytesPerSecond);
  change('round-trip', asked.roundTripMs);
  change('cloud-speed', asked.cloudSlower === undefined ? undefined : 1 / asked.cloudSlower);
  const onAxis = changed.map(at => {
    const axis = outlook.axes[at];
    const value = values[at];
    if (axis === undefined || value === undefined) throw new RangeError('no such axis');
    return {axis, placement: placementAt(axis, value)};
  });

  const answerOf = (placement: OutlookPlacement): WhatIfPlacement => ({
    name: placement.name,
    latencyMs: lineAt(outlook, placement.latencyMs, values),
    amount: {value: amountAt(outlook, placement, values), unit: outlook.unit},
  });
  const [own] = outlook.placements;
  if (own === undefined) throw new RangeError('an outlook without placements');
  const broken = brokenLimits(outlook, own, values);
  const [single] = onAxis;
  const isSingle = single !== undefined && onAxis.length === 1;
  const best = isSingle
    ? outlook.placements[single.placement ?? -1]
    : outlook.placements
        .filter(placement => brokenLimits(outlook, placement, values).length === 0)
        .reduce<OutlookPlacement | undefined>(
          (least, one) =>
            least === undefined || amountAt(outlook, one, values) < amountAt(outlook, least, values)
              ? one
              : least,
          undefined,
        );
  return {
    asked,
    best: answerOf(best ?? own),
    chosen: answerOf(own),
    ...(best === undefined ? {isFeasible: false as const} : {}),
    isProven: onAxis.length === 0 || (isSingle && single.axis.offBy === 0),
    ...(isSingle && single.axis.offBy !== 0 ? {offBy: single.axis.offBy} : {}),
    ...(broken.length === 0 ? {} : {breaks: broken}),
  };
}

/** The axis of the cloud, of the link that was named, or of the first one that leaves the device. */
function axisFor({axes}: PlanOutlook, what: OutlookAxis['what'], link: WhatIf['link']): number {
  const at = axes.findIndex(
    axis =>
      axis.what === what &&
      (what === 'cloud-speed' || link === undefined || (axis.from === link.from && axis.to === link.to)),
  );
  if (at !== -1) return at;
  const links = axes.flatMap(axis => (axis.what === 'link-bandwidth' ? [`${axis.from}-${axis.to}`] : []));
  throw new ExpectedError(
    'wrong-usage',
    link === undefined
      ? 'Nothing of this plan can run in a cloud.'
      : `This plan knows no link from the ${link.from} to the ${link.to}.`,
    EXIT.usage,
    {hints: links.map(name => `--link ${name}`)},
  );
}

function placementAt({what, pieces}: OutlookAxis, value: number): number | null {
  const piece = pieces.find(({to}) => to === null || value <= to);
  const lowest = pieces[0]?.from ?? 0;
  if (piece !== undefined && value >= lowest) return piece.placement;
  throw outOfRange(what, lowest, pieces.at(-1)?.to ?? null, value);
}

function lineAt({axes}: PlanOutlook, {now, slopes}: Line, values: Values): number {
  return axes.reduce((sum, {what, current}, at) => {
    const value = values[at] ?? current;
    const slope = slopes[at] ?? 0;
    if (slope === 0 || value === current) return sum;
    return sum + slope * (what === 'round-trip' ? value - current : current / value - 1);
  }, now);
}

function amountAt(outlook: PlanOutlook, {amount}: OutlookPlacement, values: Values): number {
  return Math.max(...amount.map(line => lineAt(outlook, line, values)));
}

function brokenLimits(outlook: PlanOutlook, {limits}: OutlookPlacement, values: Values): string[] {
  return limits.flatMap(({name, taken, allowed}) =>
    lineAt(outlook, taken, values) > allowed * (1 + ROUNDING) ? [name] : [],
  );
}
