// A thread of a paced process: keeps the limit that it is given, and reads so many pieces. Loaded by piscina.
import { keepPace, paced } from '../../services/process/pace.ts';

export default function read(order: {
  readonly pace: SharedArrayBuffer;
  readonly pieces: number;
  readonly bytes: number;
}): void {
  keepPace(order.pace);
  for (let piece = 0; piece < order.pieces; piece++) paced(order.bytes);
}
