import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { gapStatusOf, isAbsent } from '../../domain/errno.ts';
import { errnoOf, FileError, fileError } from '../../services/files/errors.ts';

function thrown(number: number): Error {
  return Object.assign(new Error('unknown error'), { errno: -number, code: 'UNKNOWN', syscall: 'read' });
}

test('only ENOENT and ENOTDIR speak of absence, of all errnos that there are', () => {
  const names = [...Object.keys(constants.errno), 'EUCLEAN', 'EREMOTEIO', 'E999'];
  expect(names.filter(isAbsent)).toEqual(['ENOENT', 'ENOTDIR']);
});

test.each([
  [13, 'EACCES', 'denied'],
  [1, 'EPERM', 'denied'],
  [5, 'EIO', 'io'],
  [74, 'EBADMSG', 'io'],
  [117, 'EUCLEAN', 'io'],
  [116, 'ESTALE', 'partial'],
  [107, 'ENOTCONN', 'partial'],
  [110, 'ETIMEDOUT', 'partial'],
  [112, 'EHOSTDOWN', 'partial'],
  [36, 'ENAMETOOLONG', 'failed'],
  [40, 'ELOOP', 'failed'],
  [24, 'EMFILE', 'failed'],
  [999, 'E999', 'failed'],
] as const)('errno %d is %s and makes a gap %s, whether Node knows its name or not', (number, name, status) => {
  expect(errnoOf(thrown(number))).toBe(name);
  expect(gapStatusOf(name)).toBe(status);
});

test('a failure names the call, the path and the cause; what is no failure of the file system stays a bug', () => {
  const cause = thrown(117);
  const failure = fileError(cause, 'lstat', '/srv/data/x\\x0a');
  expect(failure).toBeInstanceOf(FileError);
  expect(failure.message).toBe('EUCLEAN: lstat /srv/data/x\\x0a');
  expect(failure.cause).toBe(cause);
  const bug = new TypeError('undefined is not a function');
  expect(() => fileError(bug, 'lstat', '/x')).toThrow(bug);
});
