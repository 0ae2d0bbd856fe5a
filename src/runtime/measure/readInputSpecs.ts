import {elementTypeFromProtocolName} from '../../documents/elementTypes.ts';
import type {TensorSpec} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import type {ProtocolClient} from '../client.ts';

/** The inputs of a model of which only the name is known; open sizes are 1. @throws ExpectedError `unsupported-tensor-type` */
export async function readInputSpecs(client: ProtocolClient, modelName: string): Promise<TensorSpec[]> {
  const {inputs} = await client.readModelMetadata(modelName);
  return inputs.map(({name, datatype, shape}) => {
    const elementType = elementTypeFromProtocolName(datatype);
    if (elementType === undefined)
      throw new ExpectedError(
        'unsupported-tensor-type',
        `Input "${name}" of ${modelName} is ${datatype}.`,
        EXIT.unsupported,
      );
    return {name, elementType, shape: shape.map(size => Math.max(size, 1))};
  });
}
