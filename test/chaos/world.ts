import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultsInput } from '../../local/emulator/faults/configuration.ts';
import { freePort } from '../helpers/free-port.ts';
import { PRELOAD, type Release, type Releases } from './build.ts';
import { type Child, startChild, until } from './child.ts';
import { HOSPITALS, type Hospital, isHospital } from './federation.ts';
import type { Act, Clock, Machine, Plan, Role, Storage } from './plan.ts';
import type { PlatformConfig, ServerConfig } from './processes/config.ts';
import type { Report } from './processes/report.ts';
import { STEPS } from './steps.ts';

type Program = 'server' | Machine;
const PROGRAMS: readonly Program[] = ['server', 'coordinator', ...HOSPITALS];

/** A lease blocks others for a minute after its owner died. A clock that is later by that much stands for the wait. */
const RESTART_CLOCK_MS = 70_000;
const START_MS = 60_000;

const afterRestart = ({ ms, later, afterMs }: Clock): Clock => ({
  ms: ms + RESTART_CLOCK_MS,
  later: later + RESTART_CLOCK_MS,
  afterMs,
});

/** What was said or went wrong while the campaign ran. */
interface Journal {
  /** What must not happen, whatever the adversary does. */
  readonly faults: string[];
  readonly log: { readonly role: string; readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[];
  readonly output: string[];
}

/** The processes of a campaign on this machine, and all that can be done to them. */
export interface World {
  readonly journal: Journal;
  readonly directory: string;
  /** Of the federation's server, or of a hospital's. */
  endpointOf(storage: Storage): string;
  /** Strikes that processes have carried out on themselves since the last call. */
  newStrikes(): readonly Strike[];
  /** Kills the processes of a role; a machine dies with its GPU tasks if it is a hospital's. Starts them again later. */
  kill(role: Role, awayMs: number): void;
  pause(role: Role, ms: number): void;
  /** Continues a process that stopped itself. */
  continueLater(pid: number, ms: number): void;
  /** Adds rules to the faults of a server for some time. */
  addFaults(storage: Storage, rules: FaultsInput['rules'], ms: number): Promise<void>;
  fillDisk(ms: number, spare: number): Promise<void>;
  /** Stops a machine and starts it with another release. */
  upgrade(machine: Machine, nextMajor: boolean): Promise<void>;
  /** Ends all that the adversary still does. Resolves when all processes run. */
  calm(): Promise<void>;
  verify(campaign: string): Promise<readonly string[]>;
  /** Ends all processes in order. */
  stop(): Promise<void>;
  /** Ends all processes at once. */
  destroy(): Promise<void>;
}

/** A strike that a process has carried out. */
export interface Strike {
  /** Position of its act in the plan; behind it, of a removal, the attempt. */
  readonly id: string;
  readonly pid: number;
  readonly what: string;
}

interface Running {
  child: Child | undefined;
  release: Release;
  nextMajor: boolean;
  clock: Clock;
  faults: FaultsInput['rules'];
  /** Why it is expected to end, if it is. */
  mayEnd: boolean;
  /** When it may be started again, ms of `performance.now`. */
  startAt: number;
  endpoint: string;
}

/**
 * Starts the processes of a campaign.
 *
 * @param template directory of data that was deployed before: `cloud`, and one for each hospital
 */
export async function startWorld(directory: string, template: string, releases: Releases, plan: Plan): Promise<World> {
  for (const name of ['pids', 'struck', 'reached', 'records']) mkdirSync(join(directory, name), { recursive: true });
  cpSync(template, join(directory, 'data'), { recursive: true });
  const strikes = strikesOf(plan);
  writeFileSync(join(directory, 'strikes.json'), JSON.stringify(strikes));

  const journal: Journal = { faults: [], log: [], output: [] };
  const ports = Object.fromEntries(
    await Promise.all(['server', ...HOSPITALS].map(async (name) => [name, await freePort()] as const)),
  ) as Readonly<Record<'server' | Hospital, number>>;
  const cloud = `http://127.0.0.1:${ports.server}`;
  const running = new Map<Program, Running>();
  const verdicts: (readonly string[])[] = [];
  const seen = new Set<string>();
  const continuing = new Map<number, NodeJS.Timeout>();
  const pending = new Set<Promise<unknown>>();
  let isEnding = false;

  const serverConfig = (name: 'server' | Hospital, faults: FaultsInput['rules']): ServerConfig => ({
    port: ports[name],
    dataDir: join(directory, 'data', name === 'server' ? 'cloud' : name),
    faults: { seed: plan.seed, rules: faults },
  });

  function configOf(name: Program, one: Running): ServerConfig | PlatformConfig {
    if (name === 'server') return serverConfig(name, one.faults);
    const { CHAOS_CONFIG: _, ...env } = environmentOf(`${name}-task`, plan.clocks[`${name}-task`]);
    return {
      endpoint: cloud,
      maxGpuTasks: name === 'coordinator' ? 2 : 1,
      gpuTask: [process.execPath, '--import', PRELOAD, one.release.gpuTask],
      gpuTaskEnv: {
        ...env,
        // With one thread, the order of float additions and so every weight is the same in every run.
        TF_NUM_INTRAOP_THREADS: '1',
        TF_CPP_MIN_LOG_LEVEL: '3',
        ...(one.nextMajor && { CHAOS_NEXT_MAJOR: '1' }),
      },
      ...(isHospital(name) && {
        hospital: {
          site: name,
          sentLog: join(directory, `${name}.sent.jsonl`),
          server: serverConfig(name, one.faults),
        },
      }),
    };
  }

  const environmentOf = (role: string, { ms, later, afterMs }: Clock, config?: object): Record<string, string> => ({
    CHAOS_DIR: directory,
    CHAOS_ROLE: role,
    CHAOS_CLOCK: `${ms},${later},${afterMs}`,
    CHAOS_CONFIG: JSON.stringify(config ?? {}),
  });

  function start(name: Program): void {
    const one = running.get(name) as Running;
    const file = name === 'server' ? one.release.server : one.release.platform;
    one.mayEnd = false;
    const child = startChild(file, environmentOf(name, one.clock, configOf(name, one)), {
      onReport: (report) => onReport(name, report),
      onOutput: (line) => journal.output.push(`${name}: ${line}`),
    });
    one.child = child;
    void child.exited.then(({ code, signal }) => {
      one.child = undefined;
      if (isEnding || (one.mayEnd && signal === null)) return;
      const act = actThatStruck(child.pid);
      if (act?.kind === 'kill') one.startAt = Math.max(one.startAt, performance.now() + act.awayMs);
      else if (!one.mayEnd) journal.faults.push(`${name} ended by itself: ${signal ?? `code ${code}`}`);
      if (isHospital(name)) signalAll(`${name}-task`, 'SIGKILL');
      if (name === 'coordinator') one.clock = afterRestart(one.clock);
      later(async () => {
        await until(`time to start ${name}`, START_MS, () => isEnding || performance.now() >= one.startAt);
        if (!isEnding && !one.child) start(name);
      });
    });
  }

  function onReport(name: Program, report: Report): void {
    if (report.type === 'ready') (running.get(name) as Running).endpoint = report.endpoint;
    if (report.type === 'fault') journal.faults.push(`${name}: ${report.what}`);
    if (report.type === 'log') journal.log.push({ role: name, event: report.event, fields: report.fields });
    if (report.type === 'verified') verdicts.push(report.faults);
  }

  const later = (work: () => Promise<unknown>): void => {
    const done = work().catch((error) => journal.faults.push(`the adversary failed: ${(error as Error).stack}`));
    pending.add(done);
    void done.finally(() => pending.delete(done));
  };
  const struckFiles = () => readdirSync(join(directory, 'struck')).filter((name) => !name.endsWith('.new'));
  const strikeOf = (name: string) => JSON.parse(readFileSync(join(directory, 'struck', name), 'utf8')) as Strike;
  const actThatStruck = (pid: number): Act | undefined => {
    const strike = struckFiles()
      .map(strikeOf)
      .find((one) => one.pid === pid);
    return strike && plan.acts[Number.parseInt(strike.id, 10)];
  };
  const pidsOf = (role: string): readonly number[] => {
    const child = running.get(role as Program)?.child;
    if (running.has(role as Program)) return child ? [child.pid] : [];
    return readdirSync(join(directory, 'pids'))
      .filter((name) => name.startsWith(`${role}.`))
      .map((name) => Number(name.split('.').at(-1)))
      .filter((pid) => isOurs(pid, role));
  };
  const signalAll = (role: string, signal: NodeJS.Signals) => {
    for (const pid of pidsOf(role)) trySignal(pid, signal);
  };
  const setFaults = async (name: 'server' | Hospital) => {
    const one = running.get(name) as Running;
    if (!one.child) return;
    const body = JSON.stringify({ seed: plan.seed, rules: one.faults });
    // A server that is away starts with them.
    await fetch(`${endpointOf(name === 'server' ? 'cloud' : name)}/_fedcardio/faults`, {
      method: 'PUT',
      body,
      signal: AbortSignal.timeout(20_000),
    }).catch(() => undefined);
  };
  const endpointOf = (storage: Storage) => `http://127.0.0.1:${ports[storage === 'cloud' ? 'server' : storage]}`;

  for (const name of PROGRAMS) {
    running.set(name, {
      child: undefined,
      release: releases.current,
      nextMajor: false,
      clock: plan.clocks[name],
      faults: [],
      mayEnd: false,
      startAt: 0,
      endpoint: '',
    });
  }

  function killProgram(name: Program, awayMs: number): void {
    const one = running.get(name) as Running;
    one.startAt = Math.max(one.startAt, performance.now() + awayMs);
    if (!one.child) return;
    one.mayEnd = true;
    one.child.signal('SIGKILL');
  }

  const world: World = {
    journal,
    directory,
    endpointOf,
    newStrikes() {
      const fresh = struckFiles().filter((name) => !seen.has(name));
      for (const name of fresh) seen.add(name);
      return fresh.map(strikeOf);
    },
    kill(role, awayMs) {
      if (running.has(role as Program)) killProgram(role as Program, awayMs);
      else {
        // One of them: the others run on.
        const [first] = pidsOf(role);
        if (first !== undefined) trySignal(first, 'SIGKILL');
      }
    },
    pause(role, ms) {
      for (const pid of pidsOf(role)) {
        trySignal(pid, 'SIGSTOP');
        world.continueLater(pid, ms);
      }
    },
    continueLater(pid, ms) {
      clearTimeout(continuing.get(pid));
      continuing.set(
        pid,
        setTimeout(() => trySignal(pid, 'SIGCONT'), ms),
      );
    },
    async addFaults(storage, rules, ms) {
      const name = storage === 'cloud' ? 'server' : storage;
      const one = running.get(name) as Running;
      one.faults = [...one.faults, ...rules];
      await setFaults(name);
      await sleep(ms);
      one.faults = one.faults.filter((rule) => !rules.includes(rule));
      await setFaults(name);
    },
    async fillDisk(ms, spare) {
      const { child } = running.get('server') as Running;
      if (!child) return;
      limitFiles(child.pid, largestFile(join(directory, 'data/cloud')) + spare);
      await sleep(ms);
      limitFiles(child.pid, undefined);
    },
    async upgrade(machine, nextMajor) {
      const one = running.get(machine) as Running;
      one.release = releases.newer;
      one.nextMajor = nextMajor;
      const { child } = one;
      // If it is away, it starts with the newer release.
      if (!child) return;
      one.mayEnd = true;
      await child.stop(10_000);
      if (machine === 'coordinator') one.clock = afterRestart(one.clock);
      if (!isEnding && !one.child) start(machine);
    },
    async calm() {
      for (const { id, nth } of strikes) disarm(directory, id, nth);
      for (const [pid, timer] of continuing) {
        clearTimeout(timer);
        trySignal(pid, 'SIGCONT');
      }
      for (const [name, one] of running) {
        one.startAt = 0;
        one.faults = [];
        if (name !== 'coordinator') await setFaults(name);
      }
      await until('all processes run', START_MS, async () => {
        const children = [...running.values()].map(({ child }) => child?.ready);
        return (
          children.every((ready) => ready !== undefined) &&
          (await Promise.all(children).then(
            () => true,
            () => false,
          ))
        );
      });
    },
    async verify(campaign) {
      const before = verdicts.length;
      const { child } = running.get('coordinator') as Running;
      child?.ask({ type: 'verify', campaign });
      return until('verify', START_MS, () => verdicts[before]);
    },
    async stop() {
      isEnding = true;
      for (const name of PROGRAMS.toReversed()) {
        const { child } = running.get(name) as Running;
        if (child && !(await child.stop(20_000))) journal.faults.push(`${name} did not stop in order`);
      }
      await Promise.all(pending);
    },
    async destroy() {
      isEnding = true;
      for (const { child } of running.values()) child?.signal('SIGKILL');
      for (const machine of ['coordinator', ...HOSPITALS]) signalAll(`${machine}-task`, 'SIGKILL');
      for (const timer of continuing.values()) clearTimeout(timer);
      await Promise.all([...pending, ...[...running.values()].map(({ child }) => child?.exited)]);
    },
  };
  for (const name of PROGRAMS) start(name);
  await Promise.all([...running.values()].map(({ child }) => child?.ready)).catch(async (error) => {
    if (plan.acts.length > 0) return;
    await world.destroy();
    throw error;
  });
  return world;
}

/** What processes do to themselves. `id` is the act's position; a removal is three strikes at the attempts of one GPU task. */
function strikesOf({ acts }: Plan) {
  return acts.flatMap((act, id) => {
    const { at } = act;
    if ('phase' in at) return [];
    const signal =
      act.kind === 'kill' || act.kind === 'remove' ? 'SIGKILL' : act.kind === 'stop' ? 'SIGSTOP' : undefined;
    const role = act.kind === 'remove' ? `${act.site}-task` : 'role' in act ? act.role : 'server';
    if ('half' in at) return [{ id: String(id), role, moment: 'within', nth: at.nth, pattern: '$', signal }];
    const { method, pattern } = STEPS[at.step];
    const full = `^${method} ${pattern.startsWith('^') ? pattern.slice(1) : `.*${pattern}`}`;
    const attempts = act.kind === 'remove' ? [0, 1, 2] : [0];
    return attempts.map((more) => ({
      id: attempts.length > 1 ? `${id}-${more}` : String(id),
      role,
      moment: at.moment,
      nth: at.nth + more,
      pattern: full,
      signal,
    }));
  });
}

/** What was not reached yet is not carried out any more. */
function disarm(directory: string, id: string, nth: number): void {
  for (let n = 1; n <= nth; n++) writeFileSync(join(directory, 'reached', `${id}.${n}`), '');
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** Whether a process that once had the role still has its pid. */
function isOurs(pid: number, role: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`CHAOS_ROLE=${role}`);
  } catch {
    return false;
  }
}

/** Sets the largest size of a file of a process: what would be larger fails as on a full disk. */
function limitFiles(pid: number, bytes: number | undefined): void {
  try {
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes ?? 'unlimited'}:`], { stdio: 'ignore' });
  } catch (error) {
    // Otherwise the process has ended.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
  }
}

function largestFile(folder: string): number {
  if (!existsSync(folder)) return 0;
  return Math.max(
    0,
    ...readdirSync(folder, { withFileTypes: true, recursive: true }).flatMap((entry) => {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      try {
        return entry.isFile() && entry.name.includes('journal') ? [statSync(path).size] : [];
      } catch {
        return [];
      }
    }),
  );
}
