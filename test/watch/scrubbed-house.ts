// A volume that is scrubbed, and days that pass: day 0 is now.
import type { Scrub } from '../../domain/watch/configuration.ts';
import type { ScrubStanding } from '../../domain/watch/picture.ts';
import type { ScanTotals } from '../../services/catalog/close.ts';
import { scrubStanding } from '../../services/catalog/scrub.ts';
import { treeVolume } from '../../services/scan/scan-tree.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import { scrubSlice, type SliceResult } from '../../services/scrub.ts';
import type { Catalog } from '../support/catalog.ts';
import { DAY_MS } from '../../domain/lengths.ts';

export class ScrubbedHouse {
  readonly catalog: Catalog;
  readonly path: string;
  readonly scrub: Scrub;
  day = 0;
  readonly #beganMs = Date.now();

  constructor(catalog: Catalog, scrub: Partial<Scrub> = {}, path = catalog.directory()) {
    this.catalog = catalog;
    this.path = path;
    this.scrub = { withinDays: 30, graceDays: 3, bytesPerSecond: null, window: null, ...scrub };
  }

  get nowMs(): number {
    return this.#beganMs + Math.round(this.day * DAY_MS);
  }

  tools(changes: Partial<ScanTools> = {}): ScanTools {
    return this.catalog.tools({ nowMs: () => this.nowMs, ...changes });
  }

  volume(): ReturnType<typeof treeVolume> {
    return treeVolume(this.tools(), this.path);
  }

  async quick(): Promise<ScanTotals> {
    return this.catalog.scan(this.path, {}, { nowMs: () => this.nowMs });
  }

  async slice(changes: Partial<ScanTools> = {}): Promise<SliceResult> {
    const { path, scrub } = this;
    const request = { name: 'house', excludes: [], crossMounts: false, notGluster: false, bricksRescued: false };
    const { id: volumeId } = await this.volume();
    return scrubSlice(this.tools(changes), { ...request, path, scrub, volumeId, untilMs: null });
  }

  async standing(): Promise<ScrubStanding> {
    return scrubStanding(this.catalog.db.pool, (await this.volume()).id, this.scrub, this.nowMs);
  }

  /** Directories that are marked, with the day of the mark and of the last try: `attic read 2 tried 3`. */
  async marks(): Promise<string[]> {
    const found = await this.catalog.rows(
      `select d.path, m.read_ms, m.tried_ms from scrubbed m join directory d on d.id = m.directory where m.root = $1 order by 1`,
      (await this.volume()).rootId,
    );
    const day = (ms: unknown): string => (ms === null ? 'never' : ((Number(ms) - this.#beganMs) / DAY_MS).toFixed(2));
    return found.map((row) => `${String(row['path'])} read ${day(row['read_ms'])} tried ${day(row['tried_ms'])}`);
  }
}
