// rescue/ of a bundle: what is hidden on the bricks, as lists for rescue.sh. Hidden data is copied off its brick before
// anything looks at the volume through a mount, and comes back through it at the end. Pure but for the script.
import { readFileSync } from 'node:fs';
import type { Assessment, Finding } from '../../domain/assessment.ts';
import type { CopyOnBrick } from '../../domain/gluster/evidence.ts';
import type { Orphan } from '../../domain/gluster/orphans.ts';
import { withHost } from '../../domain/gluster/named.ts';
import { baseName, decodePath } from '../../domain/path.ts';
import { shipped } from '../process/parts.ts';
import { rescueScript } from '../report/commands.ts';
import type { RescueSummary } from '../report/present.ts';
import { jsonLine } from '../report/wording.ts';
import { entryField, field, pathField } from './list-records.ts';
import type { BundleFile } from './whole-bundle.ts';

/** One copy that is to be taken off its brick. */
interface Rescue {
  /** Null for content without a name that no finding was found to be. */
  readonly finding: Finding | null;
  readonly copy: CopyOnBrick;
  /** Below the brick's root, printable. */
  readonly path: string;
  /** Below the staging directory, printable. */
  readonly staged: string;
}

function isProven(finding: Finding | null, copy: CopyOnBrick): boolean {
  const { expected } = finding ?? { expected: null };
  return copy.xxh64 !== null && expected !== null && expected.digest === copy.xxh64 && expected.size === copy.size;
}

/** The likeliest first: what a backup confirms, then what has the fewest zeros at its end, then the newest. */
function byWorth(finding: Finding): (a: CopyOnBrick, b: CopyOnBrick) => number {
  const zeros = (copy: CopyOnBrick): number => (copy.size ?? 0) - (copy.zeroFrom ?? 0);
  return (a, b) =>
    Number(isProven(finding, b)) - Number(isProven(finding, a)) ||
    zeros(a) - zeros(b) ||
    Number(BigInt(b.mtimeNs) - BigInt(a.mtimeNs));
}

function rescuesOf(assessment: Assessment): Rescue[] {
  const { findings, orphans = [] } = assessment;
  return [...findings.flatMap(rescuesOfFinding), ...orphans.flatMap((orphan) => rescueOfOrphan(orphan) ?? [])];
}

function rescuesOfFinding(finding: Finding): Rescue[] {
  const copies = (finding.bricks?.copies ?? []).filter(({ rescue }) => rescue).toSorted(byWorth(finding));
  return copies.map((copy, nth) => ({
    finding,
    copy,
    path: copy.handle ?? finding.path,
    // What is one file has one place; a second copy of it lies beside, for a person to compare.
    staged: `${nth === 0 ? 'files' : `other-copies/${nth}`}/${finding.path}`,
  }));
}

/** By its handle: nothing says what it is. What somebody deleted while it was open stays where it is. */
function rescueOfOrphan({ copy, isUnlinked }: Orphan): Rescue | null {
  const { handle, brick } = copy;
  if (isUnlinked || handle === undefined) return null;
  const { host, path } = withHost(brick);
  const place = host === null ? path : `/${host}${path}`;
  return { finding: null, copy, path: handle, staged: `orphans${place}/${baseName(handle)}` };
}

export function rescueSummary(assessment: Assessment): RescueSummary | null {
  const rescues = rescuesOf(assessment);
  if (rescues.length === 0) return null;
  const files = rescues.filter(({ staged }) => staged.startsWith('files/'));
  return {
    files: files.length,
    unnamed: rescues.filter(({ finding }) => finding === null).length,
    bytes: files.reduce((sum, { copy }) => sum + (copy.size ?? 0), 0),
    proven: files.filter(({ finding, copy }) => isProven(finding, copy)).length,
    bricks: [...new Set(rescues.map(({ copy }) => copy.brick))].sort(),
    hosts: hostsOf(rescues),
  };
}

/** None where nothing is hidden. */
export function rescueFiles(assessment: Assessment, host: string): BundleFile[] {
  const rescues = rescuesOf(assessment);
  const { orphans = [] } = assessment;
  const file = (name: string, content: BundleFile['content'], mode = 0o600): BundleFile => ({ name, mode, content });
  const listed = file('rescue/orphans.jsonl', function* () {
    for (const orphan of orphans) yield `${jsonLine(orphanRecord(orphan, host))}\n`;
  });
  if (rescues.length === 0) return orphans.length === 0 ? [] : [listed];
  const back = (proven: boolean) =>
    function* (): Generator<Buffer> {
      for (const { finding, copy, staged } of rescues) {
        if (finding === null || !staged.startsWith('files/') || isProven(finding, copy) !== proven) continue;
        yield entryField(finding.path);
      }
    };
  const hosts = hostsOf(rescues);
  const script = readFileSync(shipped('services/bundle/rescue.sh'), 'utf8');
  const scriptOf = (name: string, its: string): BundleFile =>
    file(`rescue/${name}`, () => [Buffer.from(script.replace(/^HOST=$/m, `HOST='${its}'`))], 0o700);
  return [
    scriptOf('rescue.sh', hosts.length === 0 ? '' : '?'),
    ...hosts.map((one) => scriptOf(rescueScript(one), one)),
    file('rescue/hidden0', function* () {
      for (const rescue of rescues) yield record(rescue, host);
    }),
    file('rescue/back0', back(true)),
    file('rescue/back-unproven0', back(false)),
    ...(orphans.length === 0 ? [] : [listed]),
  ];
}

/** Those that bricks are named with; none where all are of the volume's host. */
function hostsOf(rescues: readonly Rescue[]): string[] {
  return [...new Set(rescues.flatMap(({ copy }) => withHost(copy.brick).host ?? []))].sort();
}

function orphanRecord(orphan: Orphan, host: string): Readonly<Record<string, unknown>> {
  const { copy, isUnlinked, names } = orphan;
  const brick = withHost(copy.brick);
  return {
    brick: brick.path,
    host: brick.host ?? host,
    handle: copy.handle,
    size: copy.size,
    xxh64: copy.xxh64,
    mtime_ns: copy.mtimeNs,
    uid: copy.uid,
    gid: copy.gid,
    deleted_while_open: isUnlinked,
    names: names.map(({ path, isAbsent }) => ({ path, absent: isAbsent })),
    staged: rescueOfOrphan(orphan)?.staged ?? null,
  };
}

/** Ten fields: see rescue.sh. */
function record({ finding, copy, path, staged }: Rescue, host: string): Buffer {
  const expected = finding?.expected ?? null;
  // The pointer's mode says nothing of the file's; nobody else may read what nobody knows the mode of.
  const mode = expected?.mode ?? 0o600;
  const brick = withHost(copy.brick);
  return Buffer.concat([
    pathField(brick.path),
    field(brick.host ?? host),
    pathField(path),
    Buffer.concat([decodePath(staged), Buffer.from([0])]),
    field(String(copy.size ?? 0)),
    field(copy.xxh64 ?? '-'),
    field(mode.toString(8)),
    field(String(expected?.uid ?? copy.uid)),
    field(String(expected?.gid ?? copy.gid)),
    field(isProven(finding, copy) ? String(expected?.mtimeNs ?? copy.mtimeNs) : copy.mtimeNs),
  ]);
}
