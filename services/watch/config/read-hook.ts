// The hooks of a file. A secret in the file is refused: the file is read by many, and the catalog keeps what it says.
import type { Hook } from '../../../domain/watch/configuration.ts';
import { secretSource } from '../../../domain/watch/secret.ts';
import type { Place, Problem } from './problem.ts';
import type { FileHook } from './shape.ts';

export function readHook(name: string, hook: FileHook, problems: Problem[]): Hook {
  const place = ['hooks', name];
  const reader = new SecretReader(place, problems);
  switch (hook.type) {
    case 'mail': {
      const { type, from, to, server } = hook;
      reader.url(server, 'server', ['smtp:', 'smtps:']);
      const user = hook.user === undefined ? null : reader.plainOrReference(hook.user, 'user');
      return { type, name, from, to, server, user, password: reader.reference(hook.password, 'password') };
    }
    case 'webhook': {
      const { type, template = 'json' } = hook;
      const url = reader.url(hook.url, 'url', WEB);
      // Whoever knows the URL of an incoming webhook may write to the channel.
      if (template === 'slack' && isPlain(hook.url)) reader.refuse('url', 'the URL of a Slack webhook is a secret');
      const [secret, token] = [reader.reference(hook.secret, 'secret'), reader.reference(hook.token, 'token')];
      return { type, name, url, template, secret, token, allowInternal: hook.allow_internal ?? false };
    }
    case 'ping':
      return { type: 'ping', name, url: reader.url(hook.url, 'url', WEB), allowInternal: hook.allow_internal ?? false };
    case 'ntfy': {
      const url = reader.url(hook.url, 'url', WEB);
      const token = reader.reference(hook.token, 'token');
      return { type: 'ntfy', name, url, token, allowInternal: hook.allow_internal ?? false };
    }
    case 'command':
      return { type: 'command', name, program: hook.program };
  }
}

function isPlain(text: string): boolean {
  const source = secretSource(text);
  return 'kind' in source && source.kind === 'plain';
}

const WEB = ['http:', 'https:'];
/** Parameters of a URL that hold what opens a door. */
const SECRET_PARAMETER = /^(?:.*[_-])?(?:token|key|apikey|secret|password|passwd|pwd|pass|sig|signature|auth|access)$/i;

/** Whoever knows one of these may write there. */
const SECRET_PATH =
  /^(?:hooks\.slack\.com\/|(?:\w+\.)?discord(?:app)?\.com\/api\/webhooks\/|api\.telegram\.org\/bot|[\w.-]+\.webhook\.office\.com\/)/i;

class SecretReader {
  readonly #place: Place;
  readonly #problems: Problem[];

  constructor(place: Place, problems: Problem[]) {
    this.#place = place;
    this.#problems = problems;
  }

  /** What is wrong is said without the value. */
  refuse(field: string, why: string): void {
    const variable = `${this.#place.at(-1)}_${field}`.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
    const name = `${this.#place.at(-1)}-${field}`;
    this.#problems.push({
      place: [...this.#place, field],
      message: `${why}: write env:ROLLCALL_HOOK_${variable} (a variable of rollcall serve) or file:/etc/rollcall/secrets/${name}`,
    });
  }

  /** A text that is no secret, or a reference. */
  plainOrReference(text: string, field: string): string {
    const source = secretSource(text);
    if ('refused' in source)
      this.#problems.push({ place: [...this.#place, field], message: `write ${source.refused}` });
    return text;
  }

  reference(text: string | undefined, field: string): string | null {
    if (text === undefined) return null;
    if (!isPlain(text)) return this.plainOrReference(text, field);
    this.refuse(field, `a ${field} does not belong in this file`);
    return text;
  }

  url(text: string, field: string, protocols: readonly string[]): string {
    if (!isPlain(text)) return this.plainOrReference(text, field);
    let url: URL | null = null;
    try {
      url = new URL(text);
    } catch {
      // Said below, without the text.
    }
    if (url === null || !protocols.includes(url.protocol) || url.hostname === '')
      this.#problems.push({
        place: [...this.#place, field],
        message: `write a URL: ${protocols.map((one) => `${one}//…`).join(' or ')}`,
      });
    else if (SECRET_PATH.test(`${url.hostname}${url.pathname}`)) this.refuse(field, 'this URL is a secret');
    else if (url.password !== '' || (url.username !== '' && protocols === WEB))
      this.refuse(field, 'a URL with a password is a secret');
    else if ([...url.searchParams.keys()].some((name) => SECRET_PARAMETER.test(name)))
      this.refuse(field, 'this URL holds a secret');
    return text;
  }
}
