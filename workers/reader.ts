// A thread that answers what other hosts ask of the disk of this one. services/fleet/reader.ts starts it and speaks
// with it.
import { parentPort } from 'node:worker_threads';
import { answerAsks } from '../services/answer.ts';

if (parentPort === null) throw new Error('this is a thread, not a program');
answerAsks(parentPort);
