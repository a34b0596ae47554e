// Where a secret of a hook may come from. The catalog holds references only, and whoever can write the catalog can
// write references: so they lead to what was put there for hooks, never to another variable or file of the machine.

export type SecretSource =
  | { readonly kind: 'env'; readonly name: string }
  /** A file of the directory for secrets (/etc/rollcall/secrets), or a credential that systemd has loaded. */
  | { readonly kind: 'file'; readonly name: string }
  /** No secret: the text itself. */
  | { readonly kind: 'plain'; readonly text: string };

export const SECRETS_DIRECTORY = '/etc/rollcall/secrets';

const VARIABLE = /^ROLLCALL_HOOK_[A-Z0-9_]{1,100}$/;
const FILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** What the reference names, or why it is refused. */
export function secretSource(text: string): SecretSource | { readonly refused: string } {
  if (text.startsWith('env:')) {
    const name = text.slice('env:'.length);
    if (VARIABLE.test(name)) return { kind: 'env', name };
    return { refused: 'a variable for hooks is named ROLLCALL_HOOK_NAME, in capitals: env:ROLLCALL_HOOK_NAME' };
  }
  if (text.startsWith('file:')) {
    const path = text.slice('file:'.length);
    const name = path.startsWith(`${SECRETS_DIRECTORY}/`) ? path.slice(SECRETS_DIRECTORY.length + 1) : path;
    if (FILE.test(name)) return { kind: 'file', name };
    return { refused: `a file with a secret is in ${SECRETS_DIRECTORY}: file:${SECRETS_DIRECTORY}/NAME` };
  }
  return { kind: 'plain', text };
}
