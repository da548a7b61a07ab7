// A router as one writes it with fastify and undici: parses the body, looks up its customer and type, passes it on.
import { createWriteStream, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { Pool } from 'undici';

const [host, port, upstream, tables, log] = process.argv.slice(2);
const routes = JSON.parse(readFileSync(`${tables}/routes.json`));
const customers = new Map(Object.entries(routes.customers));
const flows = new Map(Object.entries(routes.flows));
const pool = new Pool(`http://${upstream}`, { connections: 512 });

const app = Fastify({
  bodyLimit: 6 * 1024 * 1024,
  logger: { stream: createWriteStream(log, { flags: 'a' }) },
  // One line for each request, below, instead of two.
  disableRequestLogging: true,
  genReqId: () => randomUUID(),
});

// The bytes are kept: the flow gets them as they came.
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
  try {
    request.webhook = JSON.parse(body);
    done(null, body);
  } catch (error) {
    error.statusCode = 400;
    done(error);
  }
});

app.addHook('onResponse', async (request, reply) => {
  request.log.info({
    execution_id: request.id,
    status: reply.statusCode,
    method: request.method,
    endpoint: 'hooks',
    deployment: request.deployment,
    flow: request.flow,
    peer: request.ip,
    trace_id: request.headers.traceparent,
    bytes_in: request.headers['content-length'],
    bytes_out: reply.getHeader('content-length'),
    total_ms: reply.elapsedTime,
  });
});

const hopByHop = ['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'host'];

app.post('/hooks/*', async (request, reply) => {
  const deployment = customers.get(request.webhook.customerId);
  const flow = flows.get(request.webhook.type);
  if (!deployment || !flow) return reply.code(422).send();
  request.deployment = deployment;
  request.flow = flow;
  const headers = { ...request.headers };
  for (const name of hopByHop) delete headers[name];
  headers['x-forwarded-for'] = request.ip;
  headers['x-forwarded-host'] = request.host;
  headers['x-forwarded-proto'] = request.protocol;
  headers['x-request-id'] = request.id;
  const answer = await pool.request({
    path: `/d/${deployment}/${flow}`,
    method: request.method,
    headers,
    body: request.body,
  });
  return reply.code(answer.statusCode).headers(answer.headers).send(answer.body);
});

await app.listen({ host, port: Number(port), backlog: 4096 });
