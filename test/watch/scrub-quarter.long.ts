// A quarter of a year of scrubbing, on a real tree under a passed-in clock.
import { expect, test } from 'vitest';
import { Catalog } from '../support/catalog.ts';
import { write } from '../support/tree.ts';
import { DAY_MS } from '../../domain/lengths.ts';
import { ScrubbedHouse } from './scrubbed-house.ts';

const catalog = await Catalog.forFile();

test('a tree that grows 1 % a day gives no false alarm in a quarter, and every file is read within the promised time', async () => {
  const house = new ScrubbedHouse(catalog);
  let rooms = 100;
  const furnish = (room: number): void => write(house.path, { [`room${room}/chair`]: `chair ${room} `.repeat(50) });
  for (let room = 0; room < rooms; room++) furnish(room);
  await house.quick();
  for (house.day = 1; house.day <= 92; house.day++) {
    for (const until = Math.ceil(100 * 1.01 ** house.day); rooms < until; rooms++) furnish(rooms);
    await house.quick();
    await house.slice();
    const { files, overdue, neverRead, missMs, oldestMs } = await house.standing();
    expect({ day: house.day, files, overdue, neverRead, missMs }).toEqual({
      day: house.day,
      files: rooms,
      overdue: 0,
      neverRead: 0,
      missMs: null,
    });
    expect((house.nowMs - (oldestMs ?? 0)) / DAY_MS).toBeLessThan(30);
  }
}, 300_000);
