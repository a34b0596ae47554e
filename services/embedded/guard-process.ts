// What the guard becomes when its command is gone. Argument: the state directory.
import { stopAbandoned } from './leave.ts';

const [stateDir = ''] = process.argv.slice(2);
void stopAbandoned({ stateDir, now: Date.now, log: () => {} });
