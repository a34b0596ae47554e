// A thread of a paced process: keeps the limit that it is given, and reads so many pieces each time it is told to.
import { parentPort, workerData } from 'node:worker_threads';
import { keepPace, paced } from '../../services/process/pace.ts';

keepPace(workerData as SharedArrayBuffer);
parentPort?.on('message', (order: { readonly pieces: number; readonly bytes: number }) => {
  for (let piece = 0; piece < order.pieces; piece++) paced(order.bytes);
  parentPort?.postMessage('done');
});
