import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** How the change that runs ends. */
type Outcome = 'succeed' | 'fail';

/**
 * A fake of CloudFormation for tests: CreateStack, DeleteStack and DescribeStacks over HTTP, for the real SDK. Changes run
 * until {@link settle}. Names are unique, as CloudFormation's.
 */
export async function startFakeCloudFormation() {
  const stacks = new Map<string, string>();
  const created: Readonly<Record<string, string>>[] = [];
  let throttled = 0;

  function answerTo(request: Readonly<Record<string, string>>, response: ServerResponse): ServerResponse {
    const { Action, StackName = '' } = request;
    const status = stacks.get(StackName);
    if (throttled > 0) {
      throttled -= 1;
      return refuse(response, 'Throttling', 'Rate exceeded');
    }
    if (Action === 'DescribeStacks') {
      if (status === undefined) return refuse(response, 'ValidationError', `Stack with id ${StackName} does not exist`);
      const member = `<member><StackName>${StackName}</StackName><CreationTime>2026-11-29T00:00:00Z</CreationTime><StackStatus>${status}</StackStatus></member>`;
      return answer(response, Action, `<Stacks>${member}</Stacks>`);
    }
    if (Action === 'CreateStack') {
      if (status !== undefined)
        return refuse(response, 'AlreadyExistsException', `Stack [${StackName}] already exists`);
      stacks.set(StackName, 'CREATE_IN_PROGRESS');
      created.push(request);
      return answer(response, Action, '<StackId>id</StackId>');
    }
    if (status !== undefined) stacks.set(StackName, 'DELETE_IN_PROGRESS');
    return answer(response, String(Action), '');
  }

  const server = createServer(async (request, response) =>
    answerTo(Object.fromEntries(new URLSearchParams(await text(request))), response),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Status by name. */
    stacks: stacks as ReadonlyMap<string, string>,
    /** Parameters of the CreateStack requests that were accepted. */
    created: created as readonly Readonly<Record<string, string>>[],
    /** Rejects this number of the next requests. */
    throttle: (requests: number) => {
      throttled = requests;
    },
    /** Ends the changes that run. */
    settle: (outcome: Outcome = 'succeed') => {
      for (const [name, status] of stacks) {
        if (status === 'CREATE_IN_PROGRESS')
          stacks.set(name, outcome === 'succeed' ? 'CREATE_COMPLETE' : 'ROLLBACK_COMPLETE');
        if (status !== 'DELETE_IN_PROGRESS') continue;
        if (outcome === 'succeed') stacks.delete(name);
        else stacks.set(name, 'DELETE_FAILED');
      }
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const XMLNS = 'http://cloudformation.amazonaws.com/doc/2010-05-15/';

const answer = (response: ServerResponse, action: string, result: string): ServerResponse =>
  response
    .writeHead(200, { 'content-type': 'text/xml' })
    .end(`<${action}Response xmlns="${XMLNS}"><${action}Result>${result}</${action}Result></${action}Response>`);

const refuse = (response: ServerResponse, code: string, message: string): ServerResponse =>
  response
    .writeHead(400, { 'content-type': 'text/xml' })
    .end(
      `<ErrorResponse xmlns="${XMLNS}"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
    );
