// An assessment in a process of its own, for what the whole process must be: without rights.
import { renderAssessment } from '../../services/report/terminal/assessment.ts';
import { assess } from '../../services/assess.ts';
import type { DatabaseAddress } from '../../services/catalog/database.ts';
import { openPool } from '../../services/catalog/database.ts';
import { openThreads } from '../../services/scan/pool.ts';
import { plainRequest } from '../support/request.ts';

export interface AssessOrder {
  readonly address: DatabaseAddress;
  readonly live: string;
  readonly backup: string | null;
  readonly cwd: string;
  /** Of its clock against the real one. */
  readonly offsetMs: number;
}

export interface AssessTold {
  readonly exit: number;
  /** Verdict, recovery and errno by path. */
  readonly findings: Readonly<Record<string, string>>;
  readonly intact: number;
  readonly text: string;
  /** The most memory that the process ever held, in kB. */
  readonly rssKb: number;
}

const order = JSON.parse(process.argv[2] ?? '') as AssessOrder;
// The test that started this process is gone: nobody would end it.
process.stdin.on('end', () => process.exit(1)).resume();
const db = openPool(order.address);
const threads = openThreads(order.address, 1);
const { assessment, bundle, exit } = await assess(
  {
    db,
    threads,
    host: 'here',
    nowMs: () => Date.now() + order.offsetMs,
    signal: new AbortController().signal,
    onProgress: () => {},
    onNotice: () => {},
    onPlan: () => {},
    cwd: order.cwd,
    stateDir: null,
    program: 'rollcall',
    owners: new Map(),
  },
  plainRequest(order.live, order.backup === null ? [] : [order.backup], null),
);
const told: AssessTold = {
  exit,
  findings: Object.fromEntries(
    assessment.findings.map(({ path, verdict, recovery, errno }) => [
      path,
      [verdict, recovery, errno].filter(Boolean).join(' '),
    ]),
  ),
  intact: assessment.verdicts.intact.files,
  text: renderAssessment(assessment, bundle?.report ?? null, { width: 80, color: false })
    .join(' ')
    .replaceAll(/\s+/g, ' '),
  rssKb: process.resourceUsage().maxRSS,
};
process.stdout.write(JSON.stringify(told));
await threads.close();
await db.close();
process.exit(0);
