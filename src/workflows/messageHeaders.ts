import {protocolNameFromElementType} from '../documents/elementTypes.ts';
import type {Link} from '../documents/profile.ts';
import {bytesOfTensor, type TensorRow} from '../placement/measurements.ts';
import {PROBE_HEADER_BYTES} from '../runtime/measure/exchanges.ts';
import {headerBytesOfName, headerBytesOfTensor} from '../runtime/protocol/headerBytes.ts';
import {nameOfSegment} from './release/nameOfSegment.ts';

/** The tensor with what messages say of it: over slow links its name, type and shape take as long as a small tensor itself. */
export function withHeaderBytes(row: TensorRow): TensorRow {
  const {name, elementType, shape, isWeight} = row;
  const bytes = bytesOfTensor(row);
  if (
    isWeight ||
    !elementType ||
    !shape ||
    bytes === null ||
    protocolNameFromElementType(elementType) === null
  )
    return row;
  return {...row, headerBytes: headerBytesOfTensor(name, {elementType, shape}, bytes)};
}

/**
 * The link as calls of a model's segments find it: what was measured is in its fixed part with what the messages said that it was
 * measured with, and these say the segment's name instead, and their own tensors, which are counted with those.
 * @param stem what the names of the model's segments begin with
 */
export function linkForCalls(link: Link, stem: string): Link {
  const {up, down} = headerBytesOfName(nameOfSegment(stem, ''.padEnd(64, '0')));
  const moreMs =
    (1000 * (up - PROBE_HEADER_BYTES.up)) / link.upBytesPerSecond +
    (1000 * (down - PROBE_HEADER_BYTES.down)) / link.downBytesPerSecond;
  return {...link, fixedMs: Math.max(0, link.fixedMs + moreMs)};
}
