import type {ArrayFileSource} from '../../documents/dataSource.ts';
import {openRawArray, type ArrayFile} from '../../workspace/data/arrayFile.ts';
import {openNpy} from '../../workspace/npy.ts';

/** A .npy file, or raw numbers where their type and shape are said. @throws what openNpy and openRawArray throw */
export function openArrayFile(source: ArrayFileSource, path: string): Promise<ArrayFile> {
  const {elementType, shape} = source;
  if (elementType === undefined || shape === undefined) return openNpy(path);
  return openRawArray(path, {...source, elementType, shape});
}
