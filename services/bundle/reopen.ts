// A bundle as the assessment that it was written from: another part of it can be cut without a scan and without the
// database. Every source is read again when that part is written, so what lies here need not be true any more, but it
// must be what Rollcall wrote.
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type AssessmentJson, fromJson } from '../../domain/assessment-json.ts';
import type { Assessment, Finding } from '../../domain/assessment.ts';
import { RollcallError } from '../../domain/exit.ts';
import { encodePath } from '../../domain/path.ts';
import { parseFindingLine } from './manifest.ts';
import { checkSums, fileOf, placeOf, readSummary, refuseForeign } from './bundle-files.ts';

export interface Reopened {
  /** Real path, printable. */
  readonly bundle: string;
  readonly assessment: Assessment;
  /** Paths of what stands in this bundle, or in one that it continues. */
  readonly held: ReadonlySet<string>;
  /** Paths of what could not be read at its source when those were written. */
  readonly failed: ReadonlySet<string>;
  /** The task that it was written for; null for none. */
  readonly task: string | null;
  /** Printable: every snapshot's directory that the bundle knows, so that no restore goes there. */
  readonly backupRoots: readonly string[];
}

/**
 * @param directory absolute, printable
 * @throws RollcallError for what is no bundle (2), or was changed, or could have been by others (4)
 */
export async function reopenBundle(directory: string): Promise<Reopened> {
  const bundle = placeOf(directory);
  refuseForeign(bundle, ['', '/SHA256SUMS', '/summary.json', '/findings.jsonl']);
  const { task } = readSummary(bundle);
  checkSums(bundle);
  const findings: Finding[] = [];
  const held = new Set<string>();
  const failed = new Set<string>();
  const lines = createReadStream(fileOf(bundle, 'findings.jsonl'));
  try {
    for await (const line of createInterface({ input: lines, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line === '') continue;
      const { finding, part } = parseFindingLine(line);
      findings.push(finding);
      if (part === 'this' || part === 'earlier') held.add(finding.path);
      if (part === 'failed') failed.add(finding.path);
    }
    const backupRoots = backupRootsOf(bundle);
    return { bundle, task, assessment: assessmentOf(bundle, findings), held, failed, backupRoots };
  } catch (cause) {
    if (cause instanceof RollcallError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RollcallError(`${bundle} cannot be used again: ${why}`, { next: 'assess again', cause });
  } finally {
    lines.destroy();
  }
}

/**
 * summary.json holds the assessment but for its findings; what was written there is trusted once its digest is right.
 */
function assessmentOf(bundle: string, findings: readonly Finding[]): Assessment {
  return fromJson(JSON.parse(readFileSync(fileOf(bundle, 'summary.json'), 'utf8')) as AssessmentJson, findings);
}

function backupRootsOf(bundle: string): string[] {
  const raw = readFileSync(fileOf(bundle, 'lists/backups0'), 'latin1');
  return raw
    .split('\0')
    .filter((root) => root !== '')
    .map((root) => encodePath(Buffer.from(root, 'latin1')));
}
