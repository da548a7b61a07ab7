// A Preprocess service for Acme ERP, from the bare proto.
//
//     npm ci
//     node main.js --listen 127.0.0.1:50061

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Server, ServerCredentials, loadPackageDefinition, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";

// The folder that holds pointsman/preprocess/v1/preprocess.proto.
const PROTOS = process.env.PROTOS ?? fileURLToPath(new URL("../../../proto", import.meta.url));
const SERVICE = "pointsman.preprocess.v1.PreprocessService";
// gRPC's usual limit of 4 MiB is below what Pointsman accepts as a body.
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
// What the sender gets to see of a refusal.
const MAX_MESSAGE_CHARS = 256;
const DRAIN_MS = 30_000;

// Acme ERP's id for a customer -> ours.
const CUSTOMERS = { A06DFFAC: "progix-1001", C3E72B0C: "progix-1002" };
const FLOWS = new Map([
  ["inventory_update", "Update Inventory"],
  ["create_order", "Create Order"],
]);

class Refusal extends Error {
  constructor(code, message) {
    super(Array.from(message).slice(0, MAX_MESSAGE_CHARS).join(""));
    this.code = code;
  }
}

function preprocess(customers, body) {
  const { customerId, type } = readWebhook(body);
  const customerExternalId = find(customers, customerId, "no customer has the Acme ERP id");
  const flowName = find(FLOWS, type, "no flow is for webhooks of type");
  // Ids are strings: a number in a google.protobuf.Struct is a double.
  return {
    results: {
      fields: {
        customerExternalId: { stringValue: customerExternalId },
        flowName: { stringValue: flowName },
      },
    },
  };
}

function find(table, key, complaint) {
  const value = table.get(key);
  if (value === undefined) throw new Refusal(status.NOT_FOUND, `${complaint} ${JSON.stringify(key)}`);
  return value;
}

// Reads customerId and type. Refuses what is not JSON, or says a thing twice: two readers could see two customers.
function readWebhook(body) {
  let text, webhook;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    webhook = JSON.parse(text);
  } catch (error) {
    throw new Refusal(status.INVALID_ARGUMENT, `the body is not JSON: ${error.message}`);
  }
  if (webhook === null || typeof webhook !== "object" || Array.isArray(webhook)) {
    throw new Refusal(status.INVALID_ARGUMENT, "the body is not a JSON object");
  }
  const seen = new Set();
  for (const key of topLevelKeys(text)) {
    if (seen.has(key)) throw new Refusal(status.INVALID_ARGUMENT, `${JSON.stringify(key)} is given more than once`);
    seen.add(key);
  }
  for (const name of ["customerId", "type"]) {
    if (!Object.hasOwn(webhook, name) || typeof webhook[name] !== "string") {
      throw new Refusal(status.INVALID_ARGUMENT, `${name} is not a string`);
    }
  }
  return webhook;
}

// The keys of an object whose text JSON.parse has accepted. JSON.parse itself keeps the last of two equal keys.
function* topLevelKeys(text) {
  let depth = 0;
  let key;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const start = at;
      while (text[++at] !== '"') if (text[at] === "\\") at += 1;
      if (depth === 1) key = text.slice(start, at + 1);
    } else if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") depth -= 1;
    else if (char === ":" && depth === 1) yield JSON.parse(key);
  }
}

function serve(listen, customers) {
  const definition = loadSync("pointsman/preprocess/v1/preprocess.proto", { includeDirs: [PROTOS] });
  const { PreprocessService } = loadPackageDefinition(definition).pointsman.preprocess.v1;
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  server.addService(PreprocessService.service, {
    Preprocess(call, callback) {
      try {
        callback(null, preprocess(customers, call.request.body));
      } catch (error) {
        if (!(error instanceof Refusal)) console.error(error);
        const fault = { code: status.INTERNAL, details: "the service failed" };
        callback(error instanceof Refusal ? { code: error.code, details: error.message } : fault);
      }
    },
  });
  const health = new HealthImplementation({ "": "SERVING", [SERVICE]: "SERVING" });
  health.addToServer(server);
  new ReflectionService(definition).addToServer(server);

  server.bindAsync(listen, ServerCredentials.createInsecure(), (error, port) => {
    if (error) {
      console.error(`error: cannot listen on ${listen}: ${error.message}`);
      process.exit(1);
    }
    const address = listen.startsWith("unix:") ? listen : listen.replace(/[0-9]+$/, String(port));
    console.log(`listening on ${address}`);
  });
  const stop = () => {
    health.setStatus("", "NOT_SERVING");
    health.setStatus(SERVICE, "NOT_SERVING");
    setTimeout(() => server.forceShutdown(), DRAIN_MS).unref();
    server.tryShutdown(() => process.exit(0));
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

const { values: flags } = parseArgs({
  options: {
    // 127.0.0.1:50061 (port 0 works) or unix:/path.
    listen: { type: "string", default: process.env.LISTEN ?? "127.0.0.1:50061" },
    // A JSON file: an object from Acme ERP's customer ids to external IDs.
    customers: { type: "string", default: process.env.CUSTOMERS },
  },
});
const customers = flags.customers ? JSON.parse(readFileSync(flags.customers, "utf8")) : CUSTOMERS;
serve(flags.listen, new Map(Object.entries(customers)));
