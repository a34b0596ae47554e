// What ROLLCALL_DEBUG asks to be told (CONTRIBUTING.md): lines on standard error about what a room does, for whoever
// works on it. A line is only made where somebody asked: `debug.scan?.(…)`.

export const DEBUG_ROOMS = ['scan', 'judge'] as const;
export type DebugRoom = (typeof DEBUG_ROOMS)[number];

export type Debug = { readonly [room in DebugRoom]?: (line: string) => void };

export function debugTo(rooms: readonly DebugRoom[], print: (line: string) => void): Debug {
  return Object.fromEntries(rooms.map((room) => [room, (line: string) => print(`${room}: ${line}`)]));
}
