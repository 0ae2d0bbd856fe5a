import {z} from 'zod';
import {sha256Digest} from './header.ts';
import {TIERS, type Tier} from './planTiers.ts';
import {PRECISIONS, type Precision} from './precisions.ts';

const tierBuild = z.strictObject({precision: z.enum(PRECISIONS), build: sha256Digest});

/** The build that the layers of each tier are taken from, where it is not the fp32 one. */
export const tierBuildFields = {
  device: tierBuild.optional(),
  gateway: tierBuild.optional(),
  cloud: tierBuild.optional(),
};

/** The same where only the precision is told. */
export const tierPrecisionFields = {
  device: z.enum(PRECISIONS).optional(),
  gateway: z.enum(PRECISIONS).optional(),
  cloud: z.enum(PRECISIONS).optional(),
};

export type TierBuild = z.infer<typeof tierBuild>;
export type TierBuilds = {readonly [tier in Tier]?: TierBuild | undefined};
export type TierPrecisions = {readonly [tier in Tier]?: Precision | undefined};

const PLACES = {device: 'on the device', gateway: 'on the gateway', cloud: 'in the cloud'} as const;

/** What a document says of the tiers' builds, and nothing else of it; the device's first. */
export function tierBuildsOf(said: TierBuilds | undefined): TierBuilds {
  return Object.fromEntries(TIERS.flatMap(tier => (said?.[tier] === undefined ? [] : [[tier, said[tier]]])));
}

/** @see tierBuildsOf */
export function tierPrecisionsOf(said: TierBuilds | undefined): TierPrecisions {
  return Object.fromEntries(
    TIERS.flatMap(tier => (said?.[tier] === undefined ? [] : [[tier, said[tier].precision]])),
  );
}

/** Such as "int8 on the device, fp16 in the cloud"; empty where all are fp32. */
export function textFromTierPrecisions(precisions: TierPrecisions): string {
  return TIERS.flatMap(tier =>
    precisions[tier] === undefined ? [] : [`${precisions[tier]} ${PLACES[tier]}`],
  ).join(', ');
}
