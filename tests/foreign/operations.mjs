// An operations team on Node.js with grpc-js, from the bare protos: does all that the admin API is for.
//
//     node operations.mjs 127.0.0.1:7070
//
// The control plane is new and serves on loopback: the first part calls it without a token, and then makes one. Fails
// where anything is not as a client of gRPC expects. The packages are those of examples/preprocess/node.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(new URL("../../examples/preprocess/node/main.js", import.meta.url));
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const protobuf = createRequire(require.resolve("@grpc/proto-loader"))("protobufjs");

const ACME = "integrations/acme-erp";
const DEPLOYMENT = `${ACME}/deployments/bowlers-inc`;
const SECRET = "Bearer hush-hush";
const INTEGRATION = {
  displayName: "Acme ERP",
  flows: [{ key: "update-inventory", name: "Update Inventory" }],
  endpoint: {
    type: "ENDPOINT_TYPE_SHARED",
    externalCustomerId: { reference: "results.body.data.customerId", lookup: "LOOKUP_CUSTOMER_MAPPINGS" },
  },
};

const services = ["integration", "customer", "customer_mapping", "deployment", "manifest", "access_token", "audit", "edge"];
const definition = loader.loadSync(
  services.map((service) => `pointsman/admin/v1/${service}_service.proto`),
  { includeDirs: [fileURLToPath(new URL("../../proto", import.meta.url))], longs: Number, enums: String, defaults: true },
);
const { v1 } = grpc.loadPackageDefinition(definition).pointsman.admin;
const { root } = protobuf.parse(`syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }`);
const [Status, ErrorInfo] = ["Status", "ErrorInfo"].map((name) => root.lookupType(`google.rpc.${name}`));

// The methods that have not answered yet.
const unanswered = new Set();

// The methods of all services, by name.
function connect(address, token) {
  const metadata = new grpc.Metadata();
  if (token) metadata.set("authorization", `Bearer ${token}`);
  const api = { as: (other) => connect(address, other) };
  const answered = (method) => (answer) => (unanswered.delete(method.path), answer);
  for (const service of Object.values(v1).filter((member) => member.service)) {
    const client = new service(address, grpc.credentials.createInsecure());
    for (const [name, method] of Object.entries(service.service)) {
      const options = () => ({ deadline: Date.now() + 60_000 });
      if (!token) unanswered.add(method.path);
      const call = (request) =>
        new Promise((resolve, reject) => {
          const done = (error, answer) => (error ? reject(error) : resolve(answer));
          if (!method.requestStream) return client[name](request, metadata, options(), done);
          const stream = client[name](metadata, options(), done);
          stream.on("error", () => {}); // `done` has it.
          for (const message of request) stream.write(message);
          stream.end();
        }).then(answered(method));
      api[name] = call;
      api[`${method.path.split("/")[1].split(".").pop()}.${name}`] = call;
    }
  }
  return api;
}

// The code and the reason of a call that must fail.
async function refused(call) {
  const error = await call.then((answer) => assert.fail(`answered ${JSON.stringify(answer)}`), (error) => error);
  const [packed] = error.metadata.get("grpc-status-details-bin");
  assert.ok(packed, `no details: ${error}`);
  const infos = Status.decode(packed).details.filter((any) => any.typeUrl.endsWith("google.rpc.ErrorInfo"));
  return [grpc.status[error.code], ErrorInfo.decode(infos[0].value).reason];
}

async function writes(api) {
  const request = { integrationId: "acme-erp", integration: INTEGRATION, requestId: "create-1" };
  assert.equal((await api.CreateIntegration({ ...request, validateOnly: true })).revision, 0);
  const first = await api.CreateIntegration(request);
  assert.deepEqual(await api.CreateIntegration(request), first);
  const reused = refused(api.CreateIntegration({ ...request, integrationId: "another" }));
  assert.deepEqual(await reused, ["INVALID_ARGUMENT", "REQUEST_ID_REUSED"]);

  const made = await api.CreateCustomer({ customerId: "bowlers-inc", customer: { externalId: "progix-1001" } });
  const named = { name: "customers/bowlers-inc", displayName: "Bowlers Inc", etag: made.customer.etag };
  await api.UpdateCustomer({ customer: named, updateMask: { paths: ["display_name"] } });
  assert.deepEqual(await refused(api.UpdateCustomer({ customer: named })), ["ABORTED", "ETAG_MISMATCH"]);
  const pencils = { name: "customers/pencils-co", externalId: "progix-1002" };
  assert.deepEqual(await refused(api.UpdateCustomer({ customer: pencils })), ["NOT_FOUND", "NOT_FOUND"]);
  await api.UpdateCustomer({ customer: pencils, allowMissing: true });

  const headers = { authorization: SECRET };
  const flowEndpoints = { "update-inventory": { url: "https://flows.example.com/in", headers } };
  const deployment = { customer: "customers/bowlers-inc", flowEndpoints };
  await api.CreateDeployment({ parent: ACME, deploymentId: "bowlers-inc", deployment });
  const kept = (await api.GetDeployment({ name: DEPLOYMENT })).deployment;
  assert.equal(kept.flowEndpoints["update-inventory"].headers.authorization, "<redacted>");
  assert.deepEqual((await api.UpdateDeployment({ deployment: kept })).deployment, kept, "it was so already");
  kept.flowEndpoints["update-inventory"].url = "https://elsewhere.example.com/in";
  assert.equal((await refused(api.UpdateDeployment({ deployment: kept })))[0], "INVALID_ARGUMENT");
}

async function changes(api) {
  const { revisions: [{ revision: start }] } = await api.ListIntegrationRevisions({ name: ACME });
  await api.UpdateIntegration({ integration: { name: ACME, displayName: "Renamed" } });
  const back = await api.RollbackIntegration({ name: ACME, revision: start });
  assert.equal(back.integration.displayName, "Acme ERP");
  const { revisions } = await api.ListIntegrationRevisions({ name: ACME });
  assert.deepEqual(revisions.map((each) => each.rolledBackTo), [start, 0, 0]);

  const rotate = api["IntegrationService.RotateEndpointToken"];
  const old = back.integration.endpoint.url;
  const started = await rotate({ name: ACME, rotation: "ROTATION_START" });
  assert.notEqual(started.integration.endpoint.url, old);
  assert.equal(started.olderUrls, 1);
  assert.equal((await rotate({ name: ACME, rotation: "ROTATION_FINISH" })).olderUrls, 0);

  const endpoint = { type: "ENDPOINT_TYPE_INSTANCE_SPECIFIC" };
  await api.CreateIntegration({ integrationId: "direct", integration: { flows: INTEGRATION.flows, endpoint } });
  const flowEndpoints = { "update-inventory": { url: "https://flows.example.com/in" } };
  const deployment = { customer: "customers/pencils-co", flowEndpoints };
  const made = (await api.CreateDeployment({ parent: "integrations/direct", deploymentId: "pencils-co", deployment })).deployment;
  const replaced = await api["DeploymentService.RotateEndpointToken"]({ name: made.name, rotation: "ROTATION_REPLACE" });
  assert.notEqual(replaced.deployment.endpointUrl, made.endpointUrl);
  await api.DeleteDeployment({ name: made.name });
  await api.DeleteIntegration({ name: "integrations/direct" });

  assert.equal((await api.PauseDeployment({ name: DEPLOYMENT })).deployment.state, "STATE_PAUSED");
  assert.equal((await api.ResumeDeployment({ name: DEPLOYMENT })).deployment.state, "STATE_ENABLED");
}

async function bulk(api) {
  const rows = [{ sourceCustomerId: "A06DFFAC", externalId: "progix-1001" }];
  assert.equal((await api.BatchUpsertCustomerMappings({ parent: ACME, rows })).created, 1);
  const many = Array.from({ length: 1000 }, (_, row) => ({ sourceCustomerId: `S${row}`, externalId: "progix-1002" }));
  const done = await api.ImportCustomerMappings([
    { start: { parent: ACME, importId: "import-1", mode: "IMPORT_MODE_ALL_OR_NOTHING" } },
    { rows: { rows: many } },
    { commit: { rowCount: 1000 } },
  ]);
  assert.deepEqual([done.committed, done.created, done.failed], [true, 1000, 0]);
  assert.deepEqual((await api.GetCustomerMappingImport({ parent: ACME, importId: "import-1" })).result, done);

  const found = await api.LookupCustomer({ parent: ACME, sourceCustomerId: "S17" });
  assert.equal(found.customer.name, "customers/pencils-co");
  const back = await api.LookupCustomer({ parent: ACME, externalId: "progix-1001" });
  assert.deepEqual(back.customerMappings.map((mapping) => mapping.sourceCustomerId), ["A06DFFAC"]);

  const filter = 'source_customer_id = "S17"';
  const listed = await api.ListCustomerMappings({ parent: "integrations/-", filter });
  assert.equal(listed.customerMappings.length, 1);
  const page = await api.ListCustomerMappings({ parent: ACME, pageSize: 10 });
  const foreign = api.ListCustomerMappings({ parent: ACME, pageToken: page.nextPageToken, filter });
  assert.deepEqual(await refused(foreign), ["INVALID_ARGUMENT", "PAGE_TOKEN_INVALID"]);
}

async function single(api) {
  const customerMapping = { sourceCustomerId: "ONE", customer: "customers/pencils-co" };
  const made = (await api.CreateCustomerMapping({ parent: ACME, customerMappingId: "one", customerMapping })).customerMapping;
  const { name } = made;
  const change = { customerMapping: { name, customer: "customers/bowlers-inc" }, updateMask: { paths: ["customer"] } };
  const moved = (await api.UpdateCustomerMapping(change)).customerMapping;
  assert.deepEqual((await api.GetCustomerMapping({ name })).customerMapping, moved);
  await api.DeleteCustomerMapping({ name, etag: moved.etag });
  assert.deepEqual(await refused(api.GetCustomerMapping({ name })), ["NOT_FOUND", "NOT_FOUND"]);

  const { customers } = await api.ListCustomers({});
  assert.deepEqual((await api.GetCustomer({ name: customers[0].name })).customer, customers[0]);
  assert.deepEqual((await api.ListIntegrations({})).integrations, [(await api.GetIntegration({ name: ACME })).integration]);
  assert.equal((await api.ListDeployments({ parent: ACME })).deployments[0].name, DEPLOYMENT);
}

async function edges(api) {
  const { revision } = await api.ExportManifest({});
  assert.ok((await api.WaitForRevision({ revision, minEdges: 1, timeout: { seconds: 30 } })).reached);
  const { edges: [edge] } = await api.ListEdges({});
  assert.ok((await api.GetEdge({ name: edge.name })).edge.connected);
  assert.deepEqual(await refused(api.AcceptConfiguration({ name: edge.name })), ["FAILED_PRECONDITION", "NOTHING_HELD_BACK"]);
  // Only an edge that holds something back has it answer, as in operations.py.
  unanswered.delete("/pointsman.admin.v1.EdgeService/AcceptConfiguration");
}

async function manifests(api) {
  const exported = await api.ExportManifest({});
  assert.equal((await api.ApplyManifest({ manifest: exported.manifest })).revision, exported.revision);
  const manifest = { customers: [{ name: "customers/team", externalId: "team" }] };
  await api.ApplyManifest({ manifest, owner: "team" });
  const other = { customers: [{ name: "customers/team-2", externalId: "team-2" }] };
  const replace = { manifest: other, owner: "team", prune: true };
  assert.deepEqual(await refused(api.ApplyManifest(replace)), ["FAILED_PRECONDITION", "MASS_REMOVAL"]);
  const pruned = await api.ApplyManifest({ ...replace, allowMassRemoval: true });
  assert.deepEqual(pruned.changes.map((change) => change.action), ["ACTION_CREATED", "ACTION_REMOVED"]);

  const body = Buffer.from('{"customerId":"A06DFFAC"}');
  assert.equal((await api.TestEndpoint({ name: ACME, request: { body } })).route.deployment, DEPLOYMENT);
}

async function access(api) {
  const token = (accessTokenId, accessToken) => api.CreateAccessToken({ accessTokenId, accessToken });
  const root = await token("root", { role: "ROLE_ADMIN" });
  assert.deepEqual(await refused(api.ListCustomers({})), ["UNAUTHENTICATED", "TOKEN_MISSING"]);
  api = api.as(root.secret);

  const viewer = api.as((await token("viewer", { role: "ROLE_VIEWER" })).secret);
  await viewer.GetIntegration({ name: ACME });
  assert.deepEqual(await refused(viewer.DeleteIntegration({ name: ACME })), ["PERMISSION_DENIED", "ROLE_NOT_ENOUGH"]);
  const scoped = api.as((await token("scoped", { role: "ROLE_EDITOR", integrations: [ACME] })).secret);
  const customer = { name: "customers/team-2", displayName: "No" };
  assert.deepEqual(await refused(scoped.UpdateCustomer({ customer })), ["PERMISSION_DENIED", "OUT_OF_SCOPE"]);

  const waiting = refused(viewer.WaitForRevision({ revision: 1e9, edges: ["edges/nobody"], timeout: { seconds: 50 } }));
  await api.RevokeAccessToken({ name: "accessTokens/viewer" });
  assert.equal((await waiting)[0], "UNAUTHENTICATED");
  await api.DeleteAccessToken({ name: "accessTokens/viewer" });
  assert.equal((await api.ListAccessTokens({})).accessTokens.length, 2);
  assert.equal((await api.GetAccessToken({ name: "accessTokens/scoped" })).accessToken.role, "ROLE_EDITOR");

  await api.UpdateCustomer({ customer: { name: "customers/team-2", externalId: "team-3" } });
  const { auditEntries: [entry] } = await api.ListAuditEntries({ filter: 'reroutes = "true"', pageSize: 1 });
  assert.deepEqual([entry.caller, entry.resource], ["accessTokens/root", "customers/team-2"]);
  assert.deepEqual(entry.changes.map(({ field, before, after }) => [field, before, after]), [["external_id", "team-2", "team-3"]]);

  await api.DeleteCustomer({ name: "customers/team-2" });
}

const api = connect(process.argv[2]);
await writes(api);
await changes(api);
await bulk(api);
await single(api);
await edges(api);
await manifests(api);
await access(api);
assert.deepEqual([...unanswered], [], "nobody has called these");
process.exit(0);
