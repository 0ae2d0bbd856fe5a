import {stringify} from 'yaml';
import type {ServedSegment} from './servedSegment.ts';

/**
 * Ray Serve's config for the application in app.py, which lies beside it: `serve run config.yaml`.
 * @see ray-project/ray python/ray/serve/schema.py ServeDeploySchema
 */
export function rayServeConfig({name, instances, threads}: ServedSegment): string {
  return stringify({
    applications: [
      {
        name,
        route_prefix: '/',
        import_path: 'app:build',
        args: {repository: 'models', threads},
        deployments: [
          {
            name: 'Endpoint',
            num_replicas: instances,
            // One request at a time: a second would share the cores that the first was planned with.
            max_ongoing_requests: 1,
            ray_actor_options: {num_cpus: threads},
          },
        ],
      },
    ],
  });
}
