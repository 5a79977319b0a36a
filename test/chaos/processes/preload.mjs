/**
 * Loaded first in every process of a chaos campaign (`node --import`). CHAOS_DIR has the strikes and takes what happens:
 *
 * - the process's clock is wrong: CHAOS_CLOCK has by how much at first and later, and when later is, in milliseconds;
 * - it strikes itself at the steps that `strikes.json` names for its CHAOS_ROLE: SIGKILL, SIGSTOP, or only a note;
 * - every write and message that it sends or receives is recorded, so that the end can be compared with what was promised.
 */
import fs from 'node:fs';
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const { CHAOS_DIR, CHAOS_ROLE, CHAOS_CLOCK = '0,0,0' } = process.env;
const RealDate = Date;
const real = { writeFileSync: fs.writeFileSync, appendFileSync: fs.appendFileSync, writeSync: fs.writeSync };
const strikes = JSON.parse(fs.readFileSync(join(CHAOS_DIR, 'strikes.json'), 'utf8'))
  .filter(({ role }) => role === CHAOS_ROLE)
  .map((strike) => ({ ...strike, regex: new RegExp(strike.pattern) }));

shiftClock(...CHAOS_CLOCK.split(',').map(Number));
real.writeFileSync(join(CHAOS_DIR, 'pids', `${CHAOS_ROLE}.${process.pid}`), '');
watchClients();
watchServers();
watchJournals();
syncBuiltinESMExports();

function shiftClock(ms, later, afterMs) {
  if (ms === 0 && later === 0) return;
  const now = () => RealDate.now() + (performance.now() < afterMs ? ms : later);
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, self) => Reflect.construct(target, args.length > 0 ? args : [now()], self),
    apply: (target) => new target(now()).toString(),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
}

/** A strike is carried out once among all processes of its role: at the `nth` time that its step is reached. */
function reach(moment, what) {
  // All of them count it, before one ends the process.
  const due = strikes.filter((strike) => strike.moment === moment && strike.regex.test(what) && isReached(strike));
  for (const strike of due) carryOut(strike, what);
}

function isReached({ id, nth }) {
  for (let n = 1; n <= nth; n++) {
    try {
      real.writeFileSync(join(CHAOS_DIR, 'reached', `${id}.${n}`), '', { flag: 'wx' });
      return n === nth;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
  }
  return false;
}

function carryOut({ id, signal }, what) {
  const done = join(CHAOS_DIR, 'struck', String(id));
  real.writeFileSync(`${done}.new`, JSON.stringify({ id, pid: process.pid, what }));
  fs.renameSync(`${done}.new`, done);
  if (signal) process.kill(process.pid, signal);
}

function record(entry) {
  try {
    real.appendFileSync(
      join(CHAOS_DIR, 'records', `${CHAOS_ROLE}.${process.pid}.jsonl`),
      `${JSON.stringify({ at: RealDate.now(), ...entry })}\n`,
    );
  } catch {
    // A disk that is full for this process: what is not recorded is not checked.
  }
}

/** What a request is about: `PUT bucket/key` without its method, or `Action queue`. */
function subjectOf(path, action, body) {
  if (action === undefined) return `/${decodeURIComponent(path.split('?')[0]).replace(/^\/+/, '')}`;
  const { QueueUrl = '', QueueName = '' } = parsed(body);
  return `${action} ${QueueName || QueueUrl.split('/').at(-1)}`;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function watchClients() {
  const realRequest = http.request;
  http.request = (options, ...rest) => {
    const { method = 'GET', path = '/', headers = {}, port } = options;
    const header = (name) => Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
    const action = /^AmazonSQS\.(\w+)$/.exec(String(header('x-amz-target') ?? ''))?.[1];
    const request = action === undefined ? undefined : [];
    const isList = action === undefined && /[?&](list-type|versions|delete)/.test(path);
    const about = () => subjectOf(path, action, Buffer.concat(request ?? []).toString());
    const isWrite = action === undefined && (method === 'PUT' || method === 'DELETE') && !isList;
    if (action === undefined) reach('before', `${method} ${about()}`);
    const call = { method, port: Number(port), once: header('if-none-match') === '*' };
    if (isWrite) record({ kind: 'asked', subject: about(), ...call });
    const sent = realRequest(options, ...rest);
    if (request) {
      const keep = (chunk) => typeof chunk !== 'function' && chunk && request.push(Buffer.from(chunk));
      const [write, end] = [sent.write.bind(sent), sent.end.bind(sent)];
      sent.write = (chunk, ...more) => {
        keep(chunk);
        return write(chunk, ...more);
      };
      sent.end = (chunk, ...more) => {
        keep(chunk);
        reach('before', `POST ${about()}`);
        return end(chunk, ...more);
      };
    }
    sent.prependListener('response', (response) => {
      const { statusCode: status, headers: answered } = response;
      const isDone = status >= 200 && status < 300;
      if (isWrite) record({ kind: 'answered', subject: about(), ...call, status, etag: answered.etag });
      if (isDone) reach('after', `${method} ${about()}`);
      if (isDone && ['SendMessage', 'ReceiveMessage'].includes(action)) recordMessages(response, about(), request);
    });
    return sent;
  };
}

function recordMessages(response, subject, request) {
  const chunks = [];
  const push = response.push.bind(response);
  response.push = (chunk, ...rest) => {
    if (chunk) chunks.push(Buffer.from(chunk));
    else {
      const { MessageId, Messages = [] } = parsed(Buffer.concat(chunks).toString());
      const ids = MessageId === undefined ? Messages.map((message) => message.MessageId) : [MessageId];
      const body = MessageId === undefined ? undefined : parsed(Buffer.concat(request).toString()).MessageBody;
      if (ids.length > 0) record({ kind: 'messages', subject, ids, body });
    }
    return push(chunk, ...rest);
  };
}

/** Of the server: `before` a request has any effect, and `after` it has, before the answer. */
function watchServers() {
  if (CHAOS_ROLE !== 'server') return;
  const emit = http.Server.prototype.emit;
  http.Server.prototype.emit = function (event, message, response, ...rest) {
    if (event === 'request') {
      const isSqs = message.headers['x-amz-target'] !== undefined;
      const action = /^AmazonSQS\.(\w+)$/.exec(String(message.headers['x-amz-target'] ?? ''))?.[1];
      // The queue is in the body, which is not read yet.
      const what = isSqs ? `POST ${action} ` : `${message.method} ${subjectOf(message.url)}`;
      reach('before', what);
      const writeHead = response.writeHead.bind(response);
      response.writeHead = (status, ...more) => {
        if (status >= 200 && status < 300) reach('after', what);
        return writeHead(status, ...more);
      };
    }
    return emit.call(this, event, message, response, ...rest);
  };
}

/** `within`: a server dies when half a record of its journal is written. */
function watchJournals() {
  fs.writeSync = (descriptor, bytes, ...rest) => {
    if (bytes?.[0] !== 0x7b || !strikes.some(({ moment }) => moment === 'within')) {
      return real.writeSync(descriptor, bytes, ...rest);
    }
    for (const strike of strikes) {
      if (strike.moment !== 'within' || !isReached(strike)) continue;
      const half = real.writeSync(descriptor, bytes.subarray(0, bytes.length >> 1));
      carryOut(strike, 'half a record of a journal');
      // It was only stopped: the caller writes the rest.
      return half;
    }
    return real.writeSync(descriptor, bytes, ...rest);
  };
}
