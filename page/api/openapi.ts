import { z } from 'zod';
import { errorSchema } from './error.ts';
import { API, ROUTES, type Route, type RouteName } from './routes.ts';
import { BYTES, SCHEMAS } from './schemas.ts';

/** The OpenAPI 3.1 document of the page's HTTP API. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'fedcardio page',
      version: '1',
      description:
        'What the page reads. For programs, the commands with --json are stable; this API may change with any release.',
    },
    servers: [{ url: `/${API}` }],
    paths,
  };
}

function operationOf(name: RouteName, { path, roles, summary }: Route): object {
  const {
    request,
    query,
    response,
  }: { request?: z.ZodType | 'bytes'; query?: z.ZodType; response: z.ZodType | 'bytes' } = SCHEMAS[name];
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, param]) => ({
    name: param,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  return {
    operationId: name,
    summary,
    'x-roles': roles,
    ...(inPath.length > 0 || query ? { parameters: [...inPath, ...(query ? queryParameters(query) : [])] } : {}),
    ...(request ? { requestBody: { required: true, content: contentOf(request, 'input') } } : {}),
    responses: {
      200: { description: 'Done.', content: contentOf(response, 'output') },
      default: {
        description: 'Refused or failed: what happened, and what to do.',
        content: contentOf(errorSchema, 'output'),
      },
    },
  };
}

function queryParameters(query: z.ZodType): readonly object[] {
  const { properties = {}, required = [] } = jsonSchema(query, 'input') as {
    readonly properties?: Readonly<Record<string, object>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

const contentOf = (schema: z.ZodType | typeof BYTES, io: 'input' | 'output'): object =>
  schema === BYTES ? { 'application/octet-stream': {} } : { 'application/json': { schema: jsonSchema(schema, io) } };

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
