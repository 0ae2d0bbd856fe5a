import {
  currencyOfObjective,
  egressFromText,
  moneyFromText,
  objectiveFromProject,
} from '../documents/goals.ts';
import type {PlanObjective, Tier} from '../documents/plan.ts';
import type {ParetoGoals} from '../documents/planPareto.ts';
import type {Project} from '../documents/project.ts';
import {DURATION, ENERGY, ENERGY_PER_BYTE, MEMORY, POWER} from '../documents/quantities.ts';
import {quantityOf} from '../documents/quantityField.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import type {
  CloudPrice,
  DevicePower,
  PlacementConstraints,
  PlacementMeasurements,
} from '../placement/measurements.ts';

/** What the command line asks for; it comes before what the project says. */
export interface RequestedGoals {
  readonly objective?: PlanObjective;
  /** Two goals to weigh against each other besides. */
  readonly pareto?: ParetoGoals;
  readonly constraints: Partial<PlacementConstraints> & Pick<PlacementConstraints, 'pins'>;
}

/**
 * Objective and constraints of a device, with what was declared of power and prices.
 * @throws ExpectedError `quantity-not-declared` (exit 2) for an objective or a ceiling of what nobody declared,
 * `currencies-differ` (exit 2)
 */
export function goalsOfDevice(
  {objective, constraints = {}, devices, clouds = []}: Project,
  deviceName: string,
  requested: RequestedGoals,
): Pick<PlacementMeasurements, 'objective' | 'constraints' | 'power' | 'price'> {
  const {maxLatency, maxEnergy, maxMoney, memory, minDeviceLayers, oneWay, pins = []} = constraints;
  const limits: PlacementConstraints = {
    keepRawInputOnDevice: constraints.keepRawInputOnDevice ?? false,
    ...(oneWay === false ? {direction: 'two-way'} : {}),
    ...(maxLatency === undefined ? {} : {maxLatencyMs: quantityOf(maxLatency, DURATION)}),
    ...(maxEnergy === undefined ? {} : {maxEnergyMillijoules: quantityOf(maxEnergy, ENERGY)}),
    ...(maxMoney === undefined ? {} : {maxMoney: moneyFromText(maxMoney)}),
    ...(memory === undefined
      ? {}
      : {
          memory: Object.entries(memory).flatMap(([tier, text]) =>
            text === undefined ? [] : [{tier: tier as Tier, bytes: Math.floor(quantityOf(text, MEMORY))}],
          ),
        }),
    ...(minDeviceLayers === undefined ? {} : {minDeviceLayers}),
    ...requested.constraints,
    pins: [...pins, ...requested.constraints.pins],
  };
  const wanted = requested.objective ?? objectiveFromProject(objective);
  const device = devices.find(({name}) => name === deviceName);
  const power = device?.power === undefined ? undefined : powerFrom(device.power);
  const price = clouds[0] === undefined ? undefined : priceFrom(clouds[0]);
  const weights = typeof wanted === 'string' ? null : wanted;
  if (
    power === undefined &&
    (wanted === 'energy' ||
      requested.pareto?.includes('energy') === true ||
      (weights?.energyPerMillijoule ?? 0) > 0 ||
      limits.maxEnergyMillijoules !== undefined)
  )
    throw notDeclared(
      `the power of ${deviceName}`,
      "power: {compute: '4 W', radio: '50 nJ/byte'}",
      'the device',
    );
  if (
    price === undefined &&
    (wanted === 'money' ||
      requested.pareto?.includes('money') === true ||
      (weights?.moneyPerUnit ?? 0) > 0 ||
      limits.maxMoney !== undefined)
  )
    throw notDeclared('the price of the cloud', "pricePerHour: '0.40 USD'", 'the cloud');
  requireOneCurrency([
    ['pricePerHour', moneyCurrency(clouds[0]?.pricePerHour)],
    [
      'egressPrice',
      clouds[0]?.egressPrice === undefined ? undefined : egressFromText(clouds[0].egressPrice).currency,
    ],
    ['maxMoney', limits.maxMoney?.currency],
    ['the weight of money', requested.objective === undefined ? currencyOfObjective(objective) : undefined],
  ]);
  return {
    objective: wanted,
    constraints: limits,
    ...(power === undefined ? {} : {power}),
    ...(price === undefined ? {} : {price}),
  };
}

/** Whether the project's constraints let its cloud take part. */
export function isRegionAllowed({constraints, clouds = []}: Project): boolean {
  const regions = constraints?.regions;
  return regions === undefined || (clouds[0]?.region !== undefined && regions.includes(clouds[0].region));
}

/** What a device's `power` declares. */
export function powerFrom({compute, radio}: {compute: string; radio?: string | undefined}): DevicePower {
  return {
    computeWatts: quantityOf(compute, POWER),
    radioNanojoulesPerByte: radio === undefined ? 0 : quantityOf(radio, ENERGY_PER_BYTE),
  };
}

function priceFrom({
  pricePerHour,
  egressPrice,
}: {
  pricePerHour?: string | undefined;
  egressPrice?: string | undefined;
}): CloudPrice | undefined {
  const hour = pricePerHour === undefined ? undefined : moneyFromText(pricePerHour);
  const egress = egressPrice === undefined ? undefined : egressFromText(egressPrice);
  const currency = hour?.currency ?? egress?.currency;
  if (currency === undefined) return undefined;
  return {perHour: hour?.amount ?? 0, egressPerGigabyte: egress?.amount ?? 0, currency};
}

function moneyCurrency(text: string | undefined): string | undefined {
  return text === undefined ? undefined : moneyFromText(text).currency;
}

/** Nothing here knows what one currency is worth in another. */
function requireOneCurrency(found: readonly (readonly [what: string, currency: string | undefined])[]): void {
  const [first, ...others] = found.flatMap(([what, currency]) =>
    currency === undefined ? [] : [{what, currency}],
  );
  const other = others.find(({currency}) => currency !== first?.currency);
  if (first === undefined || other === undefined) return;
  throw new ExpectedError(
    'currencies-differ',
    `${first.what} is in ${first.currency}, ${other.what} in ${other.currency}.`,
    EXIT.usage,
    {hints: [`Say both in one currency, such as ${first.currency}.`]},
  );
}

function notDeclared(what: string, example: string, where: string): ExpectedError {
  return new ExpectedError('quantity-not-declared', `Nothing says ${what}.`, EXIT.usage, {
    hints: [`Declare it for ${where} in edgewise.yaml: ${example}`],
  });
}
