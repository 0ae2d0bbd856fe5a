import {stringify} from 'yaml';
import type {ServedSegment} from './servedSegment.ts';

/**
 * KServe's InferenceService for a Triton model repository at `storageUri`, as many replicas as there are to be instances.
 * @see kserve/kserve pkg/apis/serving/v1beta1
 */
export function inferenceService(
  {name, instances, threads}: ServedSegment,
  {storageUri}: {readonly storageUri: string},
): string {
  return stringify({
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: {name: dnsLabel(name)},
    spec: {
      predictor: {
        minReplicas: instances,
        maxReplicas: instances,
        model: {
          modelFormat: {name: 'onnx'},
          runtime: 'kserve-tritonserver',
          protocolVersion: 'v2',
          storageUri,
          resources: {
            requests: {cpu: String(threads), memory: '1Gi'},
            limits: {cpu: String(threads), memory: '2Gi'},
          },
        },
      },
    },
  });
}

/** What Kubernetes takes as a name: at most 63 lower-case letters, digits and hyphens, a letter first. */
function dnsLabel(name: string): string {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-');
  const framed = /^[a-z]/.test(plain) ? plain : `m-${plain}`;
  // The end holds the digest that tells models apart.
  const label = framed.length <= 63 ? framed : `${framed.slice(0, 50)}${framed.slice(-13)}`;
  return label.replace(/-+$/, '');
}
