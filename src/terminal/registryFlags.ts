import {boolean as booleanFlag} from '@oclif/core/flags';

export const registryFlags = {
  'plain-http': booleanFlag({description: 'the registry speaks HTTP without TLS', default: false}),
};
