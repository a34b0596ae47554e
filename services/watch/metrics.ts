// What Prometheus reads: the picture of the last tick as text, kept in memory. Names of volumes, backups and hosts are
// labels, and so are kinds and verdicts; paths and snapshots never are, since there is no end of them.
import { Gauge, Registry } from 'prom-client';
import { VERDICTS } from '../../domain/verdicts.ts';
import { VOLUME_STATES, type VolumePicture, type WatchPicture } from '../../domain/watch/picture.ts';

/** All there are: the name, its labels, and what it says. Times are seconds since 1970; absent where there is none. */
const GAUGES = {
  rollcall_build_info: [['version'], 'Always 1; the label says which version of Rollcall runs'],
  rollcall_catalog_up: [[], 'Whether the catalog answered at the last tick'],
  rollcall_tick_timestamp_seconds: [[], 'When the watch last looked at what is due, and succeeded'],
  rollcall_configured: [[], 'Whether a configuration holds; without one nothing is watched'],
  rollcall_volume_state: [['volume', 'role', 'state'], 'Whether the volume is in this state'],
  rollcall_volume_audited_timestamp_seconds: [['volume', 'role'], 'End of the last complete audit'],
  rollcall_volume_tried_timestamp_seconds: [['volume', 'role'], 'End of the last audit, complete or not'],
  rollcall_volume_due_timestamp_seconds: [['volume', 'role'], 'When the next audit is due'],
  rollcall_volume_open_findings: [['volume', 'role', 'verdict'], 'Open findings'],
  rollcall_volume_open_findings_bytes: [['volume', 'role'], 'Size of the files with open findings'],
  rollcall_volume_files: [['volume', 'role'], 'Files at the last complete scan'],
  rollcall_volume_size_bytes: [['volume', 'role'], 'Size of these files'],
  rollcall_volume_in_maintenance: [['volume', 'role'], 'Whether nothing is alarmed now'],
  rollcall_volume_paused_until_timestamp_seconds: [['volume', 'role'], 'End of a pause'],
  rollcall_backup_newest_snapshot_timestamp_seconds: [['volume'], 'When the newest snapshot was taken'],
  rollcall_scrub_within_seconds: [['volume'], 'Within which time every file is to be read again'],
  rollcall_scrub_files: [['volume'], 'Files that are to be read again'],
  rollcall_scrub_size_bytes: [['volume'], 'Size of these files'],
  rollcall_scrub_overdue_files: [['volume'], 'Files whose deadline and grace are over'],
  rollcall_scrub_never_read_files: [['volume'], 'Files that were never read'],
  rollcall_scrub_oldest_reading_timestamp_seconds: [['volume'], 'When the file was read that was read longest ago'],
  rollcall_scrub_miss_timestamp_seconds: [['volume'], 'When a deadline is missed at the present rate'],
  rollcall_scrub_files_by_age: [['volume', 'days'], 'Files last read up to so many days ago; each is counted once'],
  rollcall_host_workers: [['host'], 'Workers that are alive'],
  rollcall_host_seen_timestamp_seconds: [['host'], 'Last sign of life of a worker'],
  rollcall_incident_size: [['kind', 'subject'], 'Size of an open incident, in what its kind counts'],
  rollcall_incident_opened_timestamp_seconds: [['kind', 'subject'], 'When it was opened'],
  rollcall_incident_muted_until_timestamp_seconds: [['kind', 'subject'], 'Until when nobody is told of it'],
  rollcall_messages: [['state'], 'Messages that wait for delivery, and that could not be delivered'],
} as const satisfies Readonly<Record<string, readonly [readonly string[], string]>>;

export type MetricName = keyof typeof GAUGES;
export const METRIC_NAMES = Object.keys(GAUGES) as readonly MetricName[];

/** What the last tick found. */
export interface Taken {
  /** Null where no configuration holds. */
  readonly picture: WatchPicture | null;
  readonly atMs: number;
}

export interface Metrics {
  readonly contentType: string;
  /** Keeps what a tick found. */
  take(taken: Taken): Promise<void>;
  /** The tick failed: the catalog did not answer. What was known stays, but for the states of volumes. */
  lost(): Promise<void>;
  text(): string;
  /** When the last tick succeeded (ms); null before the first, and while the catalog is away. */
  readonly readyMs: () => number | null;
}

type Set = (name: MetricName, labels: Readonly<Record<string, string>>, value: number | null) => void;

export async function createMetrics(version: string): Promise<Metrics> {
  const registry = new Registry();
  const gauges = new Map<MetricName, Gauge>();
  for (const name of METRIC_NAMES) {
    const [labels, help] = GAUGES[name];
    gauges.set(name, new Gauge({ name, help, labelNames: [...labels], registers: [registry] }));
  }
  const set: Set = (name, labels, value) => {
    if (value !== null) gauges.get(name)?.set({ ...labels }, value);
  };
  let text = '';
  let readyMs: number | null = null;
  const render = async (): Promise<void> => {
    set('rollcall_build_info', { version }, 1);
    set('rollcall_catalog_up', {}, readyMs === null ? 0 : 1);
    text = await registry.metrics();
  };
  registry.resetMetrics();
  await render();
  return {
    contentType: registry.contentType,
    async take({ picture, atMs }) {
      // What is no longer watched must not stay as it was.
      registry.resetMetrics();
      readyMs = atMs;
      set('rollcall_tick_timestamp_seconds', {}, atMs / 1_000);
      set('rollcall_configured', {}, picture === null ? 0 : 1);
      if (picture !== null) fill(set, picture);
      await render();
    },
    async lost() {
      readyMs = null;
      // Nobody knows any more that a volume is fine.
      gauges.get('rollcall_volume_state')?.reset();
      await render();
    },
    text: () => text,
    readyMs: () => readyMs,
  };
}

function fill(set: Set, { volumes, hosts, incidents, messages }: WatchPicture): void {
  for (const volume of volumes) fillVolume(set, volume);
  for (const { host, workers, seenMs } of hosts) {
    set('rollcall_host_workers', { host }, workers);
    set('rollcall_host_seen_timestamp_seconds', { host }, seconds(seenMs));
  }
  for (const { kind, subject, size, openedMs, mutedUntilMs } of incidents) {
    set('rollcall_incident_size', { kind, subject }, size);
    set('rollcall_incident_opened_timestamp_seconds', { kind, subject }, seconds(openedMs));
    set('rollcall_incident_muted_until_timestamp_seconds', { kind, subject }, seconds(mutedUntilMs));
  }
  set('rollcall_messages', { state: 'waiting' }, messages.waiting);
  set('rollcall_messages', { state: 'failed' }, messages.failed);
}

function fillVolume(set: Set, picture: VolumePicture): void {
  const { name: volume, role } = picture;
  const labels = { volume, role };
  for (const state of VOLUME_STATES)
    set('rollcall_volume_state', { ...labels, state }, state === picture.state ? 1 : 0);
  set('rollcall_volume_audited_timestamp_seconds', labels, seconds(picture.auditedMs));
  set('rollcall_volume_tried_timestamp_seconds', labels, seconds(picture.triedMs));
  set('rollcall_volume_due_timestamp_seconds', labels, seconds(picture.dueMs));
  for (const verdict of VERDICTS)
    set('rollcall_volume_open_findings', { ...labels, verdict }, picture.open[verdict] ?? 0);
  set('rollcall_volume_open_findings_bytes', labels, picture.openBytes);
  set('rollcall_volume_files', labels, picture.files);
  set('rollcall_volume_size_bytes', labels, picture.bytes);
  set('rollcall_volume_in_maintenance', labels, picture.inMaintenance ? 1 : 0);
  set('rollcall_volume_paused_until_timestamp_seconds', labels, seconds(picture.pausedUntilMs));
  if (role === 'backup')
    set('rollcall_backup_newest_snapshot_timestamp_seconds', { volume }, seconds(picture.newestMs));
  const { scrub } = picture;
  if (scrub === null) return;
  set('rollcall_scrub_within_seconds', { volume }, scrub.withinDays * 86_400);
  set('rollcall_scrub_files', { volume }, scrub.files);
  set('rollcall_scrub_size_bytes', { volume }, scrub.bytes);
  set('rollcall_scrub_overdue_files', { volume }, scrub.overdue);
  set('rollcall_scrub_never_read_files', { volume }, scrub.neverRead);
  set('rollcall_scrub_oldest_reading_timestamp_seconds', { volume }, seconds(scrub.oldestMs));
  set('rollcall_scrub_miss_timestamp_seconds', { volume }, seconds(scrub.missMs));
  for (const { daysMax, files } of scrub.histogram)
    set('rollcall_scrub_files_by_age', { volume, days: daysMax === null ? '+Inf' : String(daysMax) }, files);
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
