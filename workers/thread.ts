// A thread that takes shards, one after another or two side by side, until it is told to end. services/scan/threads.ts
// starts it and speaks with it.
import { parentPort } from 'node:worker_threads';
import { takeShards } from '../services/shard.ts';

if (parentPort === null) throw new Error('this is a thread, not a program');
takeShards(parentPort);
