// `catalog dump` and `catalog load`: the whole catalog as one file, made while it works, and brought into an empty one.
import { RollcallError } from '../domain/exit.ts';
import { databaseCode } from './catalog/advice.ts';
import { writeAudit } from './catalog/audit-log.ts';
import { type Database, inTransaction } from './catalog/database.ts';
import {
  notEmpty,
  type PutRight,
  putRight,
  rowsIn,
  rowsOut,
  schemaSteps,
  sequencesOf,
  setSequences,
  tablesToDump,
} from './catalog/dump.ts';
import { freezeView, placesOnHost } from './catalog/export.ts';
import {
  bytesOfFile,
  DUMP_FORMAT,
  type DumpHeader,
  type DumpRecord,
  DumpWriter,
  readDump,
} from './exchange/catalog-file.ts';
import { meaningsOf } from './files/location.ts';
import { checkFilePlace, writeWhole } from './files/whole-file.ts';
import { rollcallEdition } from './process/edition.ts';
import { placeOutside } from './typed/outside.ts';

export interface DumpTools {
  readonly db: Database;
  readonly host: string;
  readonly cwd: string;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

export interface Dumped {
  /** Absolute, printable; null for standard output. */
  readonly file: string | null;
  readonly bytes: number;
  readonly tables: Readonly<Record<string, number>>;
}

const WORDS = { what: 'dump', option: '`rollcall catalog dump FILE`' };

/**
 * One state of the catalog, whoever writes meanwhile. A file appears whole or not at all.
 * @param to as typed, or where the bytes go
 * @throws RollcallError for a place that is inside a volume, or taken
 */
export async function dumpCatalog(
  tools: DumpTools,
  to: { readonly file: string; readonly overwrite: boolean } | { readonly write: (piece: Uint8Array) => Promise<void> },
): Promise<Dumped> {
  const tables: Record<string, number> = {};
  const fill = (write: (piece: Uint8Array) => void | Promise<void>): Promise<number> =>
    inTransaction(tools.db, async (client) => {
      await freezeView(client);
      const out = new DumpWriter(write);
      const all = await tablesToDump(client);
      await out.put({
        header: {
          rollcall: 'catalog',
          format: DUMP_FORMAT,
          version: rollcallEdition(),
          madeMs: tools.nowMs(),
          schema: await schemaSteps(client),
          tables: all,
        },
      });
      for (const table of all) {
        await out.put({ table: table.name });
        const rows = rowsOut(client, table);
        let next = await rows.next();
        for (; next.done !== true; next = await rows.next()) {
          tools.signal.throwIfAborted();
          await out.put({ piece: next.value });
        }
        await out.put({ rows: (tables[table.name] = next.value) });
      }
      await out.put({ sequences: await sequencesOf(client) });
      await out.end();
      return out.bytes;
    });
  if ('write' in to) return { file: null, bytes: await fill(to.write), tables };
  const volumes = await placesOnHost(tools.db.pool, tools.host);
  const at = { cwd: tools.cwd, crossMounts: false, bricksRescued: false };
  const file = placeOutside({ ...WORDS, argument: to.file }, at, { volumes, series: [] });
  if (checkFilePlace(file, WORDS).exists && !to.overwrite)
    throw new RollcallError(`${file} exists.`, { next: 'Choose another file, or say --overwrite.' });
  const { bytes } = await writeWhole(file, WORDS, fill);
  return { file, bytes, tables };
}

export interface Loaded extends PutRight {
  readonly madeMs: number;
  readonly tables: Readonly<Record<string, number>>;
}

/**
 * Everything or nothing, into a catalog that holds nothing yet. A file is checked whole before a row of it is loaded.
 * @param from as typed, or what is piped in
 */
export async function loadCatalog(
  tools: DumpTools & { readonly actor: string },
  from: string | AsyncIterable<Uint8Array>,
): Promise<Loaded> {
  const file = typeof from === 'string' ? (meaningsOf(from, tools.cwd)[0] ?? from) : null;
  const what = file ?? 'What came in on standard input';
  const read = (): AsyncGenerator<DumpRecord> =>
    readDump(typeof from === 'string' ? bytesOfFile(file ?? from) : from, what);
  if (file !== null) {
    const whole = read();
    while ((await whole.next()).done !== true) tools.signal.throwIfAborted();
  }
  return inTransaction(tools.db, async (client) => {
    const records = new Records(read(), what, tools.signal);
    const { header } = await records.next('header');
    const tables = await tablesToDump(client);
    refuseSchema(header, await schemaSteps(client), what);
    const taken = await notEmpty(client, tables);
    if (taken !== null)
      throw new RollcallError(`The catalog is not empty (${taken} has rows). Nothing was loaded.`, {
        next: 'name another: an empty directory with --state-dir, or a new database in DATABASE_URL (createdb), then run this again',
      });
    const loaded: Record<string, number> = {};
    for (const { name } of header.tables) {
      const table = tables.find((one) => one.name === name);
      if ((await records.next('table')).table !== name || table === undefined) throw records.odd();
      const rows = await rowsIn(client, table, records.pieces()).catch((cause: unknown) => {
        // Of what came through a pipe Postgres sees first that it is damaged.
        throw /^2[23]/.test(databaseCode(cause) ?? '') ? records.odd(cause) : cause;
      });
      if (rows !== (await records.next('rows')).rows) throw records.odd();
      loaded[name] = rows;
    }
    if (Object.keys(loaded).length !== tables.length) throw records.odd();
    await setSequences(client, (await records.next('sequences')).sequences);
    await records.end();
    const right = await putRight(client, tools.nowMs());
    const subject = `${file ?? 'standard input'}, made ${new Date(header.madeMs).toISOString()}`;
    await writeAudit(client, [{ atMs: tools.nowMs(), actor: tools.actor, action: 'load', subject, reason: null }]);
    return { ...right, madeMs: header.madeMs, tables: loaded };
  });
}

function refuseSchema(header: DumpHeader, own: DumpHeader['schema'], what: string): void {
  const same =
    header.schema.length === own.length && own.every((step, i) => step.checksum === header.schema[i]?.checksum);
  if (same) return;
  throw new RollcallError(
    `${what} was made by another version of Rollcall (${header.version}, up to ${header.schema.at(-1)?.name}; this one has ${own.at(-1)?.name}). Nothing was loaded.`,
    { next: `load it with that version, into an empty catalog; the next command of this version then upgrades it` },
  );
}

type Keys = DumpRecord extends infer R ? (R extends DumpRecord ? keyof R : never) : never;

/** The records of a file in the order that they must have. */
class Records {
  readonly #records: AsyncGenerator<DumpRecord>;
  readonly #what: string;
  readonly #signal: AbortSignal;
  #ahead: DumpRecord | null = null;

  constructor(records: AsyncGenerator<DumpRecord>, what: string, signal: AbortSignal) {
    this.#records = records;
    this.#what = what;
    this.#signal = signal;
  }

  odd(cause?: unknown): RollcallError {
    return new RollcallError(`${this.#what} holds what no dump of this version holds. Nothing was loaded.`, {
      next: 'Load it with the version that made it, or take another dump.',
      cause,
    });
  }

  async #read(): Promise<DumpRecord | null> {
    this.#signal.throwIfAborted();
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead !== null) return ahead;
    const { value, done } = await this.#records.next();
    return done === true ? null : value;
  }

  async next<K extends Keys>(key: K): Promise<Extract<DumpRecord, Record<K, unknown>>> {
    const record = await this.#read();
    if (record === null || !(key in record)) throw this.odd();
    return record as Extract<DumpRecord, Record<K, unknown>>;
  }

  async *pieces(): AsyncGenerator<Buffer> {
    for (;;) {
      const record = await this.#read();
      if (record === null) return;
      if (!('piece' in record)) {
        this.#ahead = record;
        return;
      }
      yield record.piece;
    }
  }

  async end(): Promise<void> {
    if ((await this.#read()) !== null) throw this.odd();
  }
}
