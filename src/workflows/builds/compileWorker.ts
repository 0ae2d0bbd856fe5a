// The thread that builds are made in; see workerJob.ts.
import {serveWorkerJob} from '../workerJob.ts';
import {compileCandidates} from './compileCandidates.ts';

serveWorkerJob(compileCandidates);
