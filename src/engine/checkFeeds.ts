import {protocolNameFromElementType, sizeInBytes} from '../documents/elementTypes.ts';
import type {NamedTensors, Tensor} from '../documents/tensor.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import type {SignatureTensor} from './signature.ts';
import type {TensorPairs} from './workerMessages.ts';

export function describeShape(shape: readonly (number | string | null)[]): string {
  return `[${shape.map(dimension => dimension ?? '?').join(',')}]`;
}

/**
 * The feeds in the model's order, after checking names, types, shapes and sizes, so that a mistake is told in the
 * model's own words before anything reaches the runtime.
 * @throws ExpectedError `wrong-input-name`, `wrong-input-type`, `wrong-input-shape`
 */
export function checkFeeds(inputs: readonly SignatureTensor[], feeds: NamedTensors): TensorPairs {
  const expected = () => inputs.map(input => `"${input.name}"`).join(', ') || 'none';
  for (const name of Object.keys(feeds)) {
    if (!inputs.some(input => input.name === name)) {
      throw new ExpectedError(
        'wrong-input-name',
        `The model has no input "${name}"; it has: ${expected()}.`,
        EXIT.usage,
      );
    }
  }
  return inputs.map(input => {
    const tensor = Object.hasOwn(feeds, input.name) ? feeds[input.name] : undefined;
    if (tensor === undefined) {
      throw new ExpectedError(
        'wrong-input-name',
        `Input "${input.name}" is missing; the model needs: ${expected()}.`,
        EXIT.usage,
      );
    }
    checkTensor(input, tensor);
    return [input.name, tensor] as const;
  });
}

function checkTensor(input: SignatureTensor, tensor: Tensor): void {
  if (tensor.elementType !== input.elementType) {
    const protocolName = protocolNameFromElementType(input.elementType);
    throw new ExpectedError(
      'wrong-input-type',
      `Input "${input.name}" is ${tensor.elementType}; the model expects ${input.elementType}${protocolName === null ? '' : ` (${protocolName})`}.`,
      EXIT.usage,
    );
  }
  const fits =
    input.shape.length === 0 ||
    (input.shape.length === tensor.shape.length &&
      input.shape.every(
        (dimension, axis) => typeof dimension !== 'number' || dimension === tensor.shape[axis],
      ));
  if (!fits) {
    throw new ExpectedError(
      'wrong-input-shape',
      `Input "${input.name}" has shape ${describeShape(tensor.shape)}; the model expects ${describeShape(input.shape)}.`,
      EXIT.usage,
    );
  }
  const bytes = sizeInBytes(tensor.elementType, tensor.shape);
  if (bytes !== null && bytes !== tensor.bytes.byteLength) {
    throw new ExpectedError(
      'wrong-input-shape',
      `Input "${input.name}" has ${tensor.bytes.byteLength} bytes; ${tensor.elementType} ${describeShape(tensor.shape)} takes ${bytes}.`,
      EXIT.usage,
    );
  }
}
