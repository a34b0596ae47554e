// What `rollcall assess LIVE --backup PATTERN` asks for, without any other option.
import type { AssessRequest } from '../../services/assess.ts';

export function plainRequest(live: string, backups: readonly string[], outDir: string | null): AssessRequest {
  return {
    live,
    backups,
    outDir,
    sinceMs: null,
    snapshotsMax: null,
    excludes: [],
    crossMounts: false,
    tz: 'UTC',
    reread: false,
    side: null,
    newState: false,
    notGluster: false,
    bricksRescued: false,
  };
}
