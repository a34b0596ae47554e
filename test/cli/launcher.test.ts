// The launcher in the shell that Debian has as /bin/sh; in the others: launcher.long.ts.
import { describe } from 'vitest';
import { launcherUnder } from './launcher.ts';

describe('under dash', () => launcherUnder(['dash'], 4));
