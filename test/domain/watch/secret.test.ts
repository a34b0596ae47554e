import { expect, test } from 'vitest';
import { secretSource } from '../../../domain/watch/secret.ts';

test('a secret comes from a variable or a file that was put there for hooks', () => {
  expect(secretSource('env:ROLLCALL_HOOK_MAIL')).toEqual({ kind: 'env', name: 'ROLLCALL_HOOK_MAIL' });
  expect(secretSource('file:mail-password')).toEqual({ kind: 'file', name: 'mail-password' });
  expect(secretSource('file:/etc/rollcall/secrets/mail')).toEqual({ kind: 'file', name: 'mail' });
  expect(secretSource('https://ntfy.sh/school')).toEqual({ kind: 'plain', text: 'https://ntfy.sh/school' });
});

test('a reference to anything else of the machine is refused', () => {
  for (const text of ['env:DATABASE_URL', 'env:PATH', 'env:', 'env:ROLLCALL_HOOK_', 'env:ROLLCALL_HOOK_A\nB'])
    expect(secretSource(text)).toHaveProperty('refused');
  for (const text of ['file:/etc/shadow', 'file:../mail', 'file:a/b', 'file:', 'file:..', 'file:.mail', 'file:a\0'])
    expect(secretSource(text)).toHaveProperty('refused');
  expect(secretSource('file:/etc/rollcall/secrets/../mail')).toHaveProperty('refused');
});
