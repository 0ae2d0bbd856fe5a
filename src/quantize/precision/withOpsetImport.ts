import type {OnnxModel} from '../../model/onnx/messages.ts';

/** The model importing at least that version of a domain. */
export function withOpsetImport(model: OnnxModel, domain: string, version: number): OnnxModel {
  const known = model.opsetImports.find(one => one.domain === domain);
  if (known !== undefined && known.version >= version) return model;
  const others = model.opsetImports.filter(one => one !== known);
  return {...model, opsetImports: [...others, {domain, version, unknown: []}]};
}
