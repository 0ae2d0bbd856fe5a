import {parametersFrom, splitBody} from './readFields.ts';

/** Of `edgewise serve` with model control: a parameter of `unload` that takes the model's files away as well. */
export const REMOVE_EXTENSION = 'edgewise_remove_model';

/** Whether the body of an unload request has that parameter; an empty body asks for nothing. */
export function asksToRemove(body: Uint8Array): boolean {
  return (
    body.byteLength > 0 && parametersFrom(splitBody(body, null).json, 'unload')[REMOVE_EXTENSION] === true
  );
}
