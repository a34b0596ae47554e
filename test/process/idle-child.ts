// A process that gives way, and a thread that it starts then: prints what each has (the processors' priority, the class
// of the disks).
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { giveWay } from '../../services/process/idle.ts';

const tasks = (): string[] => readdirSync('/proc/self/task');
const has = (task: string): string => {
  const stat = readFileSync(`/proc/self/task/${task}/stat`, 'latin1');
  const nice = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16];
  return `${nice} ${execFileSync('ionice', ['-p', task], { encoding: 'utf8' }).trim()}`;
};

const lacks = giveWay();
const before = new Set(tasks());
const worker = new Worker('setInterval(() => {}, 1_000)', { eval: true });
worker.once('online', () => {
  const started = tasks().filter((task) => !before.has(task));
  console.log(JSON.stringify({ lacks, main: has(String(process.pid)), threads: [...new Set(started.map(has))] }));
  process.exit();
});
