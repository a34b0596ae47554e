// What an incident says of the time of a loss: nothing that is yet to come.
import { expect, test } from 'vitest';
import { lossReasons } from '../../services/report/watch/incident.ts';

const ON_BRICKS = { hidden: 0, unreachable: 0, misplaced: 0 };
const at = (time: string): number => Date.parse(`2026-11-30T${time}:00Z`);

test.each([
  ['between snapshots', '02:00', '03:00', 'It happened between 2026-11-30 02:00 and 2026-11-30 03:00 (UTC).'],
  ['up to one of noon', '10:49', '12:00', 'It happened between 2026-11-30 10:49 and 2026-11-30 10:50 (UTC).'],
  ['after one of noon', '11:59', '12:00', 'It happened before 2026-11-30 10:50 (UTC).'],
])('found at 10:50, %s', (_, from, to, said) => {
  const counts = { files: 1, directories: 0, bytes: 5, exact: 1, older: 0, none: 0, examples: [], ...ON_BRICKS };
  const found = { oldestMs: at('10:50'), newestMs: at('10:50'), fromMs: at(from), toMs: at(to) };
  expect(lossReasons({ volumeId: 1, kind: 'damage', ...counts, ...found })).toContain(said);
});
