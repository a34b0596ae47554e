// What a serve does besides the work of a worker: it looks at what is due, and tells hooks, for it alone has their
// secrets.
import type { DueTask } from '../catalog/tasks.ts';
import type { ServeHandlers } from './crew.ts';

export interface Duty {
  readonly handlers: Partial<ServeHandlers>;
  /** Leaves what is due, and what is to be told. @returns tasks that can be taken now */
  readonly tick: () => Promise<readonly DueTask[]>;
  /** Until the next one. */
  readonly againMs: () => number;
}
