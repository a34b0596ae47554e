// How often nightly use is right: over many seeded servers, what is told on quiet nights, and what of each event is
// found at the first run.
import { Chance } from './random.ts';
import { HARMS, type Harm, type Outcome, runServer } from './server.ts';

export const NIGHTS = 30;
const COUNTS = [1, 5, 15, 40] as const;

/** Ten of fifteen servers lose files; the others have them damaged, in turn. */
function harmOf(seed: number): Harm {
  const damage = HARMS.slice(1);
  return seed % 3 !== 0 ? 'lost' : (damage[(seed / 3) % damage.length] ?? 'zeroed');
}

export interface Ratio {
  found: number;
  of: number;
}

export interface Figures {
  readonly quiet: Ratio;
  readonly race: Ratio;
  readonly afterDamage: Ratio;
  /** What was told on quiet nights, to look into. */
  readonly told: string[];
  /** Lost files in directories that nobody touched that night: called missing, and silent. */
  readonly untouched: Ratio;
  readonly missed: string[];
  /** Events and files, by what was done. */
  readonly rows: Map<string, { readonly any: Ratio; readonly all: Ratio; readonly files: Ratio }>;
}

export function gatherFigures(seeds: readonly number[]): Figures {
  const none = (): Ratio => ({ found: 0, of: 0 });
  const figures: Figures = {
    quiet: none(),
    race: none(),
    afterDamage: none(),
    told: [],
    untouched: none(),
    missed: [],
    rows: new Map(),
  };
  for (const seed of seeds) {
    const chance = new Chance(seed * 7_919);
    const isBusy = seed % 6 === 5;
    const harm = harmOf(seed);
    const count = COUNTS[Math.floor(seed / 2) % COUNTS.length] ?? 1;
    const outcome = runServer({
      seed,
      nights: NIGHTS,
      files: chance.whole(3_000, 4_500),
      directories: 200,
      touchedShare: isBusy ? chance.between(0.44, 0.57) : chance.between(0.05, 0.18),
      harm,
      count,
      raceShare: chance.between(0.003, 0.1),
    });
    addNights(figures, seed, outcome);
    const share = isBusy ? 'of 44 to 57 % touched' : 'of 5 to 18 % touched';
    addEvent(figures, `${harm}, ${share}, ${outcome.beforeSnapshot ? 'before' : 'after'} the snapshot`, outcome);
    if (harm === 'lost') addEvent(figures, `${harm}, ${share}, an event of ${count}`, outcome);
    if (harm === 'lost') addLost(figures, seed, outcome);
  }
  return figures;
}

function addNights(figures: Figures, seed: number, { nights }: Outcome): void {
  for (const { night, isQuiet, isAfterDamage, isRace, false: told } of nights) {
    if (isAfterDamage) {
      figures.afterDamage.of++;
      if (told.length > 0) figures.afterDamage.found++;
    }
    if (!isQuiet) continue;
    for (const ratio of isRace ? [figures.quiet, figures.race] : [figures.quiet]) {
      ratio.of++;
      if (told.length > 0) ratio.found++;
    }
    const [path, found] = told[0] ?? [];
    if (found !== undefined)
      figures.told.push(
        `seed ${seed}, night ${night}: ${told.length} · ${path} ${found.verdict} · ${found.evidence.join(' · ')}`,
      );
  }
}

function addEvent({ rows }: Figures, name: string, { files }: Outcome): void {
  if (files.length === 0) return;
  const row = rows.get(name) ?? { any: { found: 0, of: 0 }, all: { found: 0, of: 0 }, files: { found: 0, of: 0 } };
  rows.set(name, row);
  const found = files.filter((file) => file.found?.exit === 1).length;
  row.any.of++;
  row.all.of++;
  row.files.of += files.length;
  row.files.found += found;
  if (found > 0) row.any.found++;
  if (found === files.length) row.all.found++;
}

function addLost(figures: Figures, seed: number, { files }: Outcome): void {
  for (const { path, touched, found } of files) {
    if (touched) continue;
    figures.untouched.of++;
    if (found?.verdict === 'missing' && found.cause === 'silent') figures.untouched.found++;
    else figures.missed.push(`seed ${seed}: ${path} · ${found?.verdict} · ${found?.evidence.join(' · ')}`);
  }
}

export function tableOf({ quiet, race, afterDamage, untouched, rows }: Figures): string {
  const percent = ({ found, of }: Ratio): string =>
    of === 0 ? '-' : `${found} of ${of} (${((100 * found) / of).toFixed(1)} %)`;
  return [
    `quiet nights that told something: ${percent(quiet)}; of those with a deletion while rsync ran: ${percent(race)}`,
    `nights after damage that came after the snapshot, on which more was told: ${percent(afterDamage)}`,
    `lost files in untouched directories, found and called silent: ${percent(untouched)}`,
    ...[...rows]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([name, { any, all, files }]) =>
          `${name}: files ${percent(files)}; events, at least one ${percent(any)}, all ${percent(all)}`,
      ),
  ].join('\n');
}
