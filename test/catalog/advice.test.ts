// What an error of the database is, and what is one of the files under audit: NFS and FUSE fail with the very codes
// that a lost connection has.
import { expect, test } from 'vitest';
import { databaseAdvice, isConnectionLost, isTransient } from '../../services/catalog/advice.ts';
import { connect } from '../../services/catalog/database.ts';
import { fileError } from '../../services/files/errors.ts';
import { databaseForFile } from '../support/postgres.ts';

const { database } = await databaseForFile();

function system(code: string, number: number, syscall: string): Error {
  return Object.assign(new Error(`${code}: ${syscall}`), { code, errno: -number, syscall });
}

test.each([
  ['a file that times out', fileError(system('ETIMEDOUT', 110, 'open'), 'open', '/srv/f')],
  ['a listing that is reset', fileError(system('ECONNRESET', 104, 'scandir'), 'readdir', '/srv')],
  ['a reading that is refused', fileError(system('ECONNREFUSED', 111, 'read'), 'read', '/srv/f')],
  ['what wraps one', new Error('failed', { cause: fileError(system('ETIMEDOUT', 110, 'read'), 'read', '/srv/f') })],
  ['a system call on a path', system('ETIMEDOUT', 110, 'lstat')],
])('%s is no lost connection to the database', (_, error) => {
  expect(isConnectionLost(error)).toBe(false);
  expect(isTransient(error)).toBe(false);
  expect(databaseAdvice(error)).toBeNull();
});

test.each([system('ECONNRESET', 104, 'read'), system('EPIPE', 32, 'write'), system('ETIMEDOUT', 110, 'connect')])(
  'a socket that fails is one (%s)',
  (error) => {
    expect(isConnectionLost(error)).toBe(true);
    expect(databaseAdvice(error)).not.toBeNull();
  },
);

test('a client that was ended, because no other one could be had, is asked again', async () => {
  const client = await connect(database.address);
  await client.end();
  const error: unknown = await client.query('select 1').then(
    () => null,
    (refused: unknown) => refused,
  );
  expect(error).toBeInstanceOf(Error);
  expect(isConnectionLost(error)).toBe(true);
  expect(isTransient(error)).toBe(true);
});
