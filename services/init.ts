// `init`: looks at what is there, and writes a first rollcall.yaml that apply takes.
import { RollcallError } from '../domain/exit.ts';
import { pathsOn } from '../domain/gluster/brick-places.ts';
import { writeNewFile } from './process/named-file.ts';
import { placeOutside } from './typed/outside.ts';
import { parseConfiguration } from './watch/config/configuration-file.ts';
import { firstFile } from './watch/init/first-file.ts';
import { type InitRequest, look, type Looked } from './watch/init/look.ts';
import { seriesKeyOf } from '../domain/snapshot-pattern.ts';

export interface Initialized {
  readonly text: string;
  readonly looked: Looked;
  /** Absolute; null where the text goes to standard output. */
  readonly file: string | null;
}

/** @throws RollcallError for what a scan would refuse, and for a file that is there already */
export async function init(
  request: InitRequest & { readonly out: string; readonly timeZone: string },
): Promise<Initialized> {
  const looked = await look(request);
  const text = firstFile(looked, request);
  const parsed = parseConfiguration(Buffer.from(text), request);
  if ('problems' in parsed) {
    const [first] = parsed.problems;
    throw new RollcallError(`This cannot be written as rollcall.yaml: ${first?.field}: ${first?.message}`, {
      next: 'Write the file by hand, from rollcall.example.yaml.',
    });
  }
  if (request.out === '-') return { text, looked, file: null };
  const here = looked.backups.filter(({ found }) => found !== null).map(({ pattern }) => pattern);
  const file = placeOutside(
    { what: 'file', argument: request.out, option: '--out' },
    { ...request, crossMounts: true },
    {
      volumes: looked.live.storage === null ? [] : pathsOn(looked.live, request.host),
      series: here.map((pattern) => ({ series: seriesKeyOf(pattern), literal: false, snapshots: [{ path: pattern }] })),
    },
  );
  writeNewFile(file, text);
  return { text, looked, file };
}
