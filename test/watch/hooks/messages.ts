// Messages for the tests of hooks: one as it should be, and one that holds what a stranger would name a file.
import type { MessageBody } from '../../../domain/watch/message.ts';
import type { Message } from '../../../services/watch/hooks/told.ts';

export const AT_MS = Date.UTC(2026, 10, 30, 3, 0);

export function messageOf(changes: Partial<MessageBody> = {}, message: Partial<Message> = {}): Message {
  return {
    about: 'incident:7',
    event: 'opened',
    hook: 'admins',
    body: {
      title: 'school: 7 files lost silently',
      lines: ['7 files are gone, and nobody deleted them.', 'All of them can be restored.'],
      severity: 'critical',
      subject: 'school',
      incident: { id: '7', kind: 'silent-loss', openedMs: AT_MS, size: 7 },
      examples: ['class/5a/essay.odt'],
      next: 'rollcall incidents 7',
      atMs: AT_MS,
      ...changes,
    },
    ...message,
  };
}

/** What is one thing to a file system and another to a header, a terminal, a chat or a shell. */
export const HOSTILE = [
  'a\r\nBcc: victim@example.org\r\n\r\nbody',
  'a\nAuthorization: Bearer x',
  '\u001b]0;owned\u0007\u001b[2J\u009b31m',
  '\u202egpj.exe',
  '<!channel> <!everyone> <@U123> <https://evil.example|click>',
  '@channel @here @everyone @all @room',
  '<script>alert(1)</script><img src=x onerror=alert(1)>&amp;"\'',
  '"}],"x":[{"y":"',
  '$(reboot) `reboot` ; reboot | reboot && reboot',
  '{{ .Labels }} {{`x`}}',
  '.\r\nQUIT\r\n',
  '=?utf-8?q?=0D=0AX-Injected:_1?=',
  '\ud800 lone',
] as const;

/** All of it, wherever a text may stand. */
export function hostileMessage(): Message {
  const all = HOSTILE.join(' ');
  return messageOf(
    {
      title: all,
      lines: [...HOSTILE, all],
      subject: all,
      examples: HOSTILE,
      next: all,
      incident: { id: `7\r\nX: 1`, kind: `silent-loss\r\n`, openedMs: AT_MS, size: 7 },
    },
    { about: `incident:7\r\n${all}` },
  );
}
