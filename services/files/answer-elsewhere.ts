// Answering what another host asks of the bricks of this one: each directory is opened, listed, looked at and read
// here, by the same calls as a volume of this host alone. What cannot be looked at is an answer, too.
import { attributeOf, attributesAt, namesHadAt, volumeIdOf } from './brick-attributes.ts';
import { measureContent } from './compare.ts';
import type { Directory } from './directory.ts';
import {
  type Answer,
  answerText,
  type Found,
  type FoundContent,
  type FoundName,
  type Question,
  questionFrom,
  type Wanted,
} from './elsewhere.ts';
import { FileError, readably } from './errors.ts';
import { volumeOf } from './glusterd-record.ts';
import { handlesWithoutName } from './handles.ts';
import { openDirectory, openRoot } from './open-directory.ts';
import { type Reader, readContent } from './read.ts';
import { heldAgainstSignature } from './replicas.ts';

const BATCH = 1_024;
const READ_ATTEMPTS = 3;
/** Names in one answer, after which no further directory is begun: some 5 MB of text. */
const NAMES_MAX = 10_000;

export interface AnswerTools {
  readonly reader: Reader;
  /** Something was looked at: nothing hangs. */
  readonly tick: () => void;
}

/** The roots of the bricks that are asked about. */
export function rootsAsked(question: string): readonly string[] {
  return [...new Set(questionFrom(question).wanted.map(({ brick }) => brick))];
}

/** @returns the text of the answer */
export function answerElsewhere(question: string, tools: AnswerTools): string {
  const { wanted, record, ...how } = questionFrom(question);
  const roots = new Map<string, Directory | FileError>();
  const found: Found[] = [];
  let names = 0;
  try {
    for (const one of wanted) {
      tools.tick();
      const its = names > NAMES_MAX ? null : foundAt(rootOf(roots, one.brick, how.volumeId), one, how, tools);
      if (its !== null && 'names' in its) names += its.names.size;
      found.push(its);
    }
    const answer: Answer = { found, record: record ? recordOf(roots.values()) : null };
    return answerText(answer);
  } finally {
    for (const root of roots.values()) if (!(root instanceof FileError)) root.close();
  }
}

function recordOf(roots: Iterable<Directory | FileError>): Answer['record'] {
  for (const root of roots) {
    const id = root instanceof FileError ? null : volumeIdOf(root);
    if (id !== null) return volumeOf(id);
  }
  return null;
}

/** A brick that was unmounted meanwhile is a directory like any other: only its attribute tells. */
function rootOf(
  roots: Map<string, Directory | FileError>,
  brick: string,
  volumeId: string | null,
): Directory | FileError {
  const known = roots.get(brick);
  if (known !== undefined) return known;
  const root = opened(brick, volumeId);
  roots.set(brick, root);
  return root;
}

function opened(brick: string, volumeId: string | null): Directory | FileError {
  let root: Directory | null = null;
  try {
    root = openRoot(brick);
    if (volumeId === null || volumeIdOf(root) === volumeId) return root;
    const detail = 'it does not bear the id of the volume: is its file system mounted?';
    throw new FileError('ENODEV', 'open', brick, detail);
  } catch (error) {
    root?.close();
    if (error instanceof FileError) return error;
    throw error;
  }
}

function foundAt(
  root: Directory | FileError,
  wanted: Wanted,
  { isFromMedium }: Pick<Question, 'isFromMedium'>,
  tools: AnswerTools,
): Found {
  if (root instanceof FileError) return failed(root, wanted.path !== '');
  let directory: Directory;
  try {
    directory = openDirectory(root, wanted.path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return failed(error);
  }
  try {
    const attributes = attributesAt(directory, '.');
    const keys = new Map(wanted.keys.map((key) => [key, attributeOf(directory, key)]));
    const names = new Map<string, FoundName>();
    const { listed, broke } = wanted.list ? listedIn(directory, names, tools.tick) : { listed: [], broke: null };
    for (const name of wanted.names) {
      tools.tick();
      if (!names.has(name)) names.set(name, nameIn(directory, name));
    }
    const limits = { attempts: READ_ATTEMPTS, isFromMedium };
    const contents = new Map(
      wanted.read.map((name): [string, FoundContent] => {
        const result = readContent(tools.reader, directory, name, limits);
        return [name, { result, mdataMtimeNs: result.ok ? mdataOf(directory, name) : null }];
      }),
    );
    const measures = new Map(
      wanted.measure.map(({ name, lengths }) => [name, measureContent(directory, name, lengths)]),
    );
    const had = new Map(wanted.had.map((name) => [name, namesHadAt(directory, name)]));
    const signed = new Map(
      wanted.signed.map((name) => [name, heldAgainstSignature(directory, name, tools.reader.onProgress) ?? null]),
    );
    const handles = wanted.handles ? handlesWithoutName(directory, tools.tick) : null;
    const after = wanted.list ? directory.restat() : null;
    const more = { measures, keys, had, signed, handles };
    return { stat: directory.stat, after, attributes, names, listed, broke, contents, ...more };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return failed(error);
  } finally {
    directory.close();
  }
}

/** @param isBelow a root that is away takes all below it along: that is no absence of what lies there */
function failed({ errno, detail }: FileError, isBelow = false): Found {
  const isAway = isBelow && (errno === 'ENOENT' || errno === 'ENOTDIR');
  return { errno: isAway ? 'ENODEV' : errno, detail };
}

function listedIn(
  directory: Directory,
  names: Map<string, FoundName>,
  tick: () => void,
): { readonly listed: readonly string[]; readonly broke: string | null } {
  const listed: string[] = [];
  let broke: string | null = null;
  try {
    directory.list(BATCH, (batch) => void listed.push(...batch));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    broke = error.errno;
  }
  for (const name of listed) {
    tick();
    names.set(name, nameIn(directory, name));
  }
  return { listed, broke };
}

/** Null where it is gone by now, too: then its directory has moved. */
function mdataOf(directory: Directory, name: string): bigint | null {
  return readably(() => attributesAt(directory, name).mdataMtimeNs);
}

function nameIn(directory: Directory, name: string): FoundName {
  try {
    const stat = directory.lstat(name);
    const attributes = attributesAt(directory, name);
    return { stat, attributes, target: stat.kind === 'symlink' ? directory.readlink(name) : null };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { errno: error.errno, detail: error.detail };
  }
}
