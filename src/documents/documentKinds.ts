import type {z} from 'zod';
import {buildSchema} from './build.ts';
import {costsSchema} from './costs.ts';
import {partSchema} from './part.ts';
import {placementAnswerSchema} from './placementAnswer.ts';
import {planSchema} from './plan.ts';
import {profileSchema} from './profile.ts';
import {projectSchema} from './project.ts';
import {releaseSchema} from './release.ts';
import {rolloutSchema} from './rollout.ts';
import {shipmentSchema} from './shipment.ts';

/** Every kind of document, by the word after "edgewise/" in its `kind`. */
export const DOCUMENT_SCHEMAS = {
  project: projectSchema,
  profile: profileSchema,
  build: buildSchema,
  plan: planSchema,
  costs: costsSchema,
  placement: placementAnswerSchema,
  release: releaseSchema,
  part: partSchema,
  rollout: rolloutSchema,
  shipment: shipmentSchema,
} as const;

/** A kind in the middle of a sentence, where its own word is none. */
const KIND_WORDS: Readonly<Partial<Record<DocumentKind, string>>> = {costs: 'table of costs'};

export function wordsForKind(kind: DocumentKind): string {
  return KIND_WORDS[kind] ?? kind;
}

export type DocumentKind = keyof typeof DOCUMENT_SCHEMAS;
export type DocumentOf<K extends DocumentKind> = z.infer<(typeof DOCUMENT_SCHEMAS)[K]>;

export const DOCUMENT_KINDS = Object.keys(DOCUMENT_SCHEMAS) as DocumentKind[];

/** The version of every document's form that this program reads and writes. */
export const FORMAT_VERSION = 1;
